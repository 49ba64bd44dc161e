use sbk_model::FileKey;

pub const FILES_IN_BATCH: u64 = 1000;

const DIRECTORIES_IN_BATCH: u64 = 20;
const FILES_IN_VISIT: u64 = 50;
const BATCHES_IN_BLOCK: u64 = 20;
const DIRECTORIES_IN_BLOCK: u64 = 200;
pub const FILES_IN_DIRECTORY: u64 = 100;

/// A file as a production would name it; the same number gives the same file.
#[derive(Debug)]
pub struct File {
    pub directory: String,
    pub name: String,
    pub key: FileKey,
    pub size: u64,
    pub events: u64,
}

impl File {
    /// One of the files of a directory.
    pub fn new(directory: u64, index: u64) -> Self {
        let run = scattered(directory);
        let path = directory_path(directory);
        let name = format!("BBbar_generic_DG4_run{run:010}_evt{:08}.fastsim.root", index * 5000);
        let key = FileKey::of(&path, &name);
        let size = 1_000_000_000 + scattered(directory * FILES_IN_DIRECTORY + index);
        Self { directory: path, name, key, size, events: 5000 }
    }

    /// The whole name.
    pub fn lfn(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }
}

/// The path of a directory: numbers that follow each other are far apart in order of names.
pub fn directory_path(directory: u64) -> String {
    let run = scattered(directory);
    format!("/superb/prod/2026/fastsim/V0.3.1/{:05}/{run:010}", run / 100_000)
}

/// The files that are registered together: fifty in each of twenty directories.
///
/// A directory is visited twice, ten batches apart, and has a hundred files then.
pub fn batch(number: u64) -> Vec<File> {
    let (block, within) = (number / BATCHES_IN_BLOCK, number % BATCHES_IN_BLOCK);
    let (visit, slot) = (within / (BATCHES_IN_BLOCK / 2), within % (BATCHES_IN_BLOCK / 2));
    let first = block * DIRECTORIES_IN_BLOCK + slot * DIRECTORIES_IN_BATCH;
    (first..first + DIRECTORIES_IN_BATCH)
        .flat_map(|directory| {
            let indices = visit * FILES_IN_VISIT..(visit + 1) * FILES_IN_VISIT;
            indices.map(move |index| File::new(directory, index))
        })
        .collect()
}

/// Pseudo-random numbers that are the same in every run (splitmix64, Vigna 2015).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// A file out of all that exist when there are `rows`.
    pub fn file(&mut self, rows: u64) -> File {
        File::new(self.directory(rows), self.below(FILES_IN_DIRECTORY))
    }

    /// The number of a directory out of all that exist when there are `rows` files.
    pub fn directory(&mut self, rows: u64) -> u64 {
        self.below(rows / FILES_IN_DIRECTORY)
    }
}

/// Numbers below 2^32, each once, in an order without a pattern: the multiplier is odd.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(2_654_435_761) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_block_of_batches_fills_its_directories_with_different_files() {
        let names: HashSet<String> =
            (0..BATCHES_IN_BLOCK).flat_map(batch).map(|file| file.lfn()).collect();
        let directories: HashSet<&str> =
            names.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();

        assert_eq!(names.len(), 20_000);
        assert_eq!(directories.len(), 200);
    }
}
