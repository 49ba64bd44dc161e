//! The luminosity of the sections of runs, as sums up to each block of sections.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{RunNumber, pack_numbers, unpack_numbers};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Row},
    run,
};

/// How many sections a block has. The first has the sections 0 to 127.
pub const BLOCK: u32 = 128;

/// The luminosity of some sections, in inverse barns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many sections have a luminosity.
    pub known: i64,
    /// What the accelerator delivered.
    pub delivered: i64,
    /// What the experiment recorded.
    pub recorded: i64,
}

impl std::ops::Sub for Sum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            known: self.known - other.known,
            delivered: self.delivered - other.delivered,
            recorded: self.recorded - other.recorded,
        }
    }
}

/// The luminosity of the sections of a block, by their place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The number of the block.
    pub block: i64,
    /// The sum of all sections of the run before it.
    pub before: Sum,
    /// What was delivered; empty when that is not known of the run.
    pub delivered: Vec<Option<u64>>,
    /// What was recorded; nothing where that is not known.
    pub recorded: Vec<Option<u64>>,
}

impl Block {
    /// The sum of all sections of the run before a place in the block.
    pub fn before(&self, place: u32) -> Sum {
        let mut sum = self.before;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        for recorded in self.recorded.iter().take(place).flatten() {
            sum.known += 1;
            sum.recorded += i64::try_from(*recorded).unwrap_or_default();
        }
        for delivered in self.delivered.iter().take(place).flatten() {
            sum.delivered += i64::try_from(*delivered).unwrap_or_default();
        }
        sum
    }

    /// The power of ten that all its values are multiples of.
    fn scale(&self) -> u32 {
        let values = || self.delivered.iter().chain(&self.recorded).flatten();
        let too_great = |scale: &u32| values().any(|value| value % 10_u64.pow(scale + 1) != 0);
        (0..18).find(too_great).unwrap_or(18)
    }
}

fn scaled(values: &[Option<u64>], scale: u32) -> String {
    let unit = 10_u64.pow(scale);
    let values: Vec<_> = values.iter().map(|value| value.map(|value| value / unit)).collect();
    pack_numbers(&values)
}

fn unscaled(text: &str, scale: i64) -> Result<Vec<Option<u64>>, Error> {
    let wrong = || Error::Internal("a stored luminosity is not valid".into());
    let unit = u32::try_from(scale).ok().and_then(|scale| 10_u64.checked_pow(scale));
    let unit = unit.ok_or_else(wrong)?;
    let values = unpack_numbers(text).map_err(|_| wrong())?;
    Ok(values.into_iter().map(|value| value.map(|value| value.saturating_mul(unit))).collect())
}

/// Puts blocks in the place of those that runs had.
pub async fn replace(
    session: &mut Session,
    vo: i64,
    runs: &BTreeMap<RunNumber, Vec<Block>>,
) -> Result<(), Error> {
    session.delete("run_luminosity", run::key_batch(vo, runs.keys().copied())).await?;
    let rows: Vec<(RunNumber, &Block)> =
        runs.iter().flat_map(|(run, blocks)| blocks.iter().map(|block| (*run, block))).collect();
    let scales: Vec<u32> = rows.iter().map(|(_, block)| block.scale()).collect();
    let texts = |values: fn(&Block) -> &Vec<Option<u64>>| {
        let texts = rows.iter().zip(&scales).map(|((_, block), scale)| {
            let values = values(block);
            (!values.is_empty()).then(|| scaled(values, *scale))
        });
        Cells::Text(texts.collect())
    };
    let batch = Batch::default()
        .ints("vo", rows.iter().map(|_| vo))
        .ints("run", rows.iter().map(|(run, _)| i64::from(run.0)))
        .ints("block", rows.iter().map(|(_, block)| block.block))
        .ints("known_before", rows.iter().map(|(_, block)| block.before.known))
        .ints("delivered_before", rows.iter().map(|(_, block)| block.before.delivered))
        .ints("recorded_before", rows.iter().map(|(_, block)| block.before.recorded))
        .ints("scale", scales.iter().map(|scale| i64::from(*scale)))
        .with("delivered", texts(|block| &block.delivered))
        .with("recorded", texts(|block| &block.recorded));
    session.insert("run_luminosity", batch, Conflict::Keep).await?;
    Ok(())
}

const COLUMNS: &str = "l.run, l.block, l.known_before, l.delivered_before, l.recorded_before, \
                       l.scale, l.delivered, l.recorded";

fn read(row: &Row) -> Result<(RunNumber, Block), Error> {
    let wrong = |_| Error::Internal("a stored run has no number".into());
    let scale = row.int(5)?;
    let delivered = row.opt_text(6)?.map(|text| unscaled(&text, scale)).transpose()?;
    let block = Block {
        block: row.int(1)?,
        before: Sum { known: row.int(2)?, delivered: row.int(3)?, recorded: row.int(4)? },
        delivered: delivered.unwrap_or_default(),
        recorded: unscaled(&row.text(7)?, scale)?,
    };
    Ok((RunNumber(u32::try_from(row.int(0)?).map_err(wrong)?), block))
}

/// Some blocks of runs.
pub async fn blocks(
    session: &mut Session,
    vo: i64,
    wanted: &BTreeSet<(RunNumber, i64)>,
) -> Result<BTreeMap<(RunNumber, i64), Block>, Error> {
    let batch = Batch::default()
        .ints("vo", wanted.iter().map(|_| vo))
        .ints("run", wanted.iter().map(|(run, _)| i64::from(run.0)))
        .ints("block", wanted.iter().map(|(_, block)| *block));
    if batch.rows() == 0 {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN run_luminosity l \
         ON l.vo = r.vo AND l.run = r.run AND l.block = r.block"
    );
    let statement = session.dialect().with_rows(&sql, batch, vec![]);
    let found = session.read_rows(statement, read).await?;
    Ok(found.into_iter().map(|(run, block)| ((run, block.block), block)).collect())
}

/// All blocks of runs, in order.
pub async fn of_runs(
    session: &mut Session,
    vo: i64,
    runs: impl IntoIterator<Item = RunNumber>,
) -> Result<BTreeMap<RunNumber, Vec<Block>>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN run_luminosity l ON l.vo = r.vo AND l.run = r.run \
         ORDER BY l.run, l.block"
    );
    let rows = session.rows_with(&sql, run::key_batch(vo, runs), vec![]).await?;
    let mut blocks: BTreeMap<RunNumber, Vec<Block>> = BTreeMap::new();
    for row in &rows {
        let (run, block) = read(row)?;
        blocks.entry(run).or_default().push(block);
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_sums_up_to_each_of_its_sections() {
        let block = Block {
            block: 0,
            before: Sum { known: 2, delivered: 10, recorded: 5 },
            delivered: vec![Some(300), None, Some(500)],
            recorded: vec![Some(200), None, Some(400)],
        };

        assert_eq!(block.before(0), block.before);
        assert_eq!(block.before(2), Sum { known: 3, delivered: 310, recorded: 205 });
        assert_eq!(block.before(99), Sum { known: 4, delivered: 810, recorded: 605 });
        assert_eq!(block.scale(), 2);
        let text = scaled(&block.recorded, 2);
        assert_eq!(unscaled(&text, 2).unwrap(), block.recorded);
    }
}
