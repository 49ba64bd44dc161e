use std::time::Duration;

use sbk_api::PromoteFields;

use crate::{connection::Connection, failure::Failure, human, progress::Display};

/// The pause after a step that filled nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// Fills and indexes the columns of searchable fields until none is left, and says how many
/// entities were filled.
pub async fn promote(connection: &Connection, visible: bool) -> Result<u64, Failure> {
    let display = Display::spinner(visible, "filling columns");
    let mut filled = 0;
    loop {
        let step = connection.call(PromoteFields::default()).await?;
        filled += step.filled;
        if step.done {
            display.end();
            return Ok(filled);
        }
        if step.filled == 0 {
            // The service waits for writers that do not know of the column yet.
            tokio::time::sleep(PAUSE).await;
        }
        let field = step.field.unwrap_or_default();
        display.say(format!("{field}, {}", human::things(filled, "entity", "entities")));
    }
}
