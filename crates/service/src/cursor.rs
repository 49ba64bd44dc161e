use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sbk_api::PageArgs;
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// Writes where a list goes on as an opaque text.
pub fn encode(position: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// Reads where a list goes on.
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let bad = || {
        let reason = "is not a cursor that this list gave; begin without one";
        Error::invalid("after", text, reason)
    };
    if text.len() > 16_384 {
        return Err(bad());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    serde_json::from_slice(&bytes).map_err(|_| bad())
}

/// The position and the size of the page that is asked for.
pub fn page<T: DeserializeOwned>(args: &PageArgs) -> Result<(Option<T>, i64), Error> {
    let limit = args.limit.unwrap_or(PageArgs::DEFAULT_LIMIT);
    if !(1..=PageArgs::MAX_LIMIT).contains(&limit) {
        let reason = format!("is not between 1 and {}", PageArgs::MAX_LIMIT);
        return Err(Error::invalid("limit", &limit.to_string(), reason));
    }
    Ok((args.after.as_deref().map(decode).transpose()?, i64::from(limit)))
}

/// The cursor after the last of the items, if the page is full.
pub fn next<T>(items: &[T], limit: i64, position: impl Fn(&T) -> String) -> Option<String> {
    let full = i64::try_from(items.len()).is_ok_and(|count| count >= limit);
    items.last().filter(|_| full).map(position)
}
