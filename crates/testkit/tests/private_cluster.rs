//! A test can crash and restart a server of its own.

use sbk_testkit::{Backend, PrivateCluster};

#[test]
fn private_cluster_comes_back_on_its_port_with_postgres() {
    comes_back(Backend::Postgres);
}

#[test]
fn private_cluster_comes_back_on_its_port_with_mariadb() {
    comes_back(Backend::MariaDb);
}

fn comes_back(backend: Backend) {
    let Some(mut cluster) = PrivateCluster::start(backend) else { return };
    let address = |url: &str| url.rsplit_once('/').map(|(address, _)| address.to_owned());
    let before = address(cluster.create_database().url());

    cluster.kill_hard();
    cluster.restart().expect("the server comes up again");
    cluster.stop().expect("the server stops");
    cluster.restart().expect("the server comes up again");
    let after = address(cluster.create_database().url());

    assert_eq!(before, after);
}
