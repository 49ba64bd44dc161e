-- Names that many rows share (owners, groups, communities, file types, sites): stored once.
CREATE TABLE term (
    id {bigint} NOT NULL PRIMARY KEY,
    name {name 512} NOT NULL
) {clustered};

CREATE TABLE community (
    vo {bigint} NOT NULL PRIMARY KEY,
    created {bigint} NOT NULL,
    schema_version {bigint} NOT NULL
) {clustered};

-- Every version of a community's metadata schema.
CREATE TABLE schema_version (
    vo {bigint} NOT NULL,
    version {bigint} NOT NULL,
    document {text} NOT NULL,
    applied {bigint} NOT NULL,
    actor {name 256} NOT NULL,
    PRIMARY KEY (vo, version)
) {clustered};

-- Searchable fields with a column of their own. State: 0 new, 1 filling, 2 ready.
CREATE TABLE promoted_field (
    entity {small} NOT NULL,
    field {name 48} NOT NULL,
    kind {name 1} NOT NULL,
    state {small} NOT NULL,
    since {bigint} NOT NULL,
    key_a {bigint} NULL,
    key_b {bigint} NULL,
    PRIMARY KEY (entity, field, kind)
) {clustered};

CREATE TABLE site (
    site {bigint} NOT NULL PRIMARY KEY,
    name {name 64} NOT NULL
) {clustered};

CREATE TABLE storage_element (
    se {bigint} NOT NULL PRIMARY KEY,
    name {name 64} NOT NULL,
    site {bigint} NULL,
    pfn_prefix {name 1024} NULL
) {clustered};

-- The key is a hash of the path, which has no closing slash; the root's is empty.
CREATE TABLE directory (
    dir {bigint} NOT NULL PRIMARY KEY,
    parent {bigint} NULL,
    path {name 1024} NOT NULL,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    owner_group {bigint} NOT NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    mode {small} NOT NULL,
    meta {json} NULL,
    effective {json} NULL
) {clustered};

CREATE INDEX directory_parent ON directory (parent, dir);
CREATE INDEX directory_path ON directory (path{prefix 700});

-- The key is the directory's, then a hash of the base name: a directory is a range of keys.
CREATE TABLE file (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    owner_group {bigint} NOT NULL,
    size {bigint} NOT NULL,
    events {bigint} NULL,
    file_type {bigint} NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    adler32 {bigint} NULL,
    until_time {bigint} NULL,
    status {small} NOT NULL,
    name {name 1023} NOT NULL,
    md5 {name 32} NULL,
    guid {name 36} NULL,
    checksums {json} NULL,
    meta {json} NULL,
    PRIMARY KEY (dir, id)
) {clustered};

CREATE INDEX file_guid ON file (guid, dir, id){partial guid IS NOT NULL};
CREATE INDEX file_until ON file (until_time, dir, id){partial until_time IS NOT NULL};
{gin file meta}

CREATE TABLE replica (
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    se {bigint} NOT NULL,
    created {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    status {small} NOT NULL,
    pfn {name 2048} NULL,
    PRIMARY KEY (dir, id, se)
) {clustered};

CREATE INDEX replica_se ON replica (se, dir, id);

CREATE TABLE dataset (
    dataset {bigint} NOT NULL PRIMARY KEY,
    vo {bigint} NOT NULL,
    owner {bigint} NOT NULL,
    owner_group {bigint} NOT NULL,
    created {bigint} NOT NULL,
    modified {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    declared_files {bigint} NULL,
    declared_bytes {bigint} NULL,
    declared_events {bigint} NULL,
    unattributed_events {bigint} NOT NULL,
    kind {small} NOT NULL,
    status {small} NOT NULL,
    name {name 512} NOT NULL,
    query {text} NULL,
    documents {json} NULL,
    meta {json} NULL
) {clustered};

CREATE INDEX dataset_name ON dataset (name, vo, dataset);
{gin dataset meta}

-- A parent may be named before it exists.
CREATE TABLE dataset_parent (
    dataset {bigint} NOT NULL,
    parent {bigint} NOT NULL,
    parent_name {name 512} NOT NULL,
    PRIMARY KEY (dataset, parent)
) {clustered};

CREATE INDEX dataset_parent_parent ON dataset_parent (parent, dataset);

CREATE TABLE dataset_site (
    dataset {bigint} NOT NULL,
    site {bigint} NOT NULL,
    PRIMARY KEY (dataset, site)
) {clustered};

CREATE TABLE member (
    dataset {bigint} NOT NULL,
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    PRIMARY KEY (dataset, dir, id)
) {clustered};

CREATE INDEX member_file ON member (dir, id, dataset);

CREATE TABLE snapshot (
    dataset {bigint} NOT NULL,
    version {bigint} NOT NULL,
    created {bigint} NOT NULL,
    files {bigint} NOT NULL,
    bytes {bigint} NOT NULL,
    events {bigint} NOT NULL,
    content_hash {name 64} NOT NULL,
    PRIMARY KEY (dataset, version)
) {clustered};

CREATE TABLE snapshot_file (
    dataset {bigint} NOT NULL,
    version {bigint} NOT NULL,
    dir {bigint} NOT NULL,
    id {bigint} NOT NULL,
    fingerprint {bigint} NOT NULL,
    lfn {name 1024} NOT NULL,
    PRIMARY KEY (dataset, version, dir, id)
) {clustered};

-- Sums, spread over slots so that writers do not wait for one another.
-- Kind: 0 directory with all below, 1 dataset, 2 storage element, 3 community.
CREATE TABLE total (
    kind {small} NOT NULL,
    subject {bigint} NOT NULL,
    slot {small} NOT NULL,
    files {bigint} NOT NULL,
    bytes {bigint} NOT NULL,
    events {bigint} NOT NULL,
    PRIMARY KEY (kind, subject, slot)
) {counters};

CREATE TABLE audit (
    audit {bigint} NOT NULL PRIMARY KEY,
    time {bigint} NOT NULL,
    subjects {bigint} NOT NULL,
    actor {name 256} NOT NULL,
    operation {name 64} NOT NULL,
    reason {name 1024} NULL,
    detail {text} NOT NULL
) {clustered};

-- What an entry changed. Kind: 0 directory, 1 dataset, 4 file.
CREATE TABLE audit_subject (
    kind {small} NOT NULL,
    key_a {bigint} NOT NULL,
    key_b {bigint} NOT NULL,
    audit {bigint} NOT NULL,
    PRIMARY KEY (kind, key_a, key_b, audit)
) {clustered};

-- Answers to writes that a client may repeat.
CREATE TABLE idempotency (
    id {bigint} NOT NULL PRIMARY KEY,
    request {bigint} NOT NULL,
    created {bigint} NOT NULL,
    answer {text} NOT NULL
) {clustered};

CREATE INDEX idempotency_created ON idempotency (created, id);
