//! Items of bulk calls that have a name: as a list, or as a dictionary by name.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{FileMetadata, NewDirectory, NewFile};

/// An item that a dictionary can hold under its name.
pub(crate) trait Named: DeserializeOwned {
    /// The item as it would stand in a list.
    fn with_name(name: String, value: Value) -> Value;

    /// The item of which only the name is given, where that is enough.
    fn of_name(name: String) -> Option<Value> {
        let _ = name;
        None
    }
}

fn insert(key: &str, name: String, value: Value) -> Value {
    let mut map = match value {
        Value::Object(map) => map,
        other => return other,
    };
    map.insert(key.to_owned(), Value::String(name));
    Value::Object(map)
}

impl Named for NewFile {
    fn with_name(name: String, value: Value) -> Value {
        insert("lfn", name, value)
    }
}

impl Named for NewDirectory {
    fn with_name(name: String, value: Value) -> Value {
        insert("path", name, value)
    }

    fn of_name(name: String) -> Option<Value> {
        Some(Self::with_name(name, Value::Object(Map::new())))
    }
}

impl Named for FileMetadata {
    fn with_name(name: String, value: Value) -> Value {
        let mut map = Map::new();
        map.insert("metadata".into(), value);
        insert("lfn", name, Value::Object(map))
    }
}

/// Takes a list of items, or a dictionary of items by their names.
pub(crate) fn items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Named,
{
    deserializer.deserialize_any(Items(PhantomData))
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Named> Visitor<'de> for Items<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items, or a dictionary of items by their names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or_default().min(10_000));
        while let Some(Item(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::with_capacity(map.size_hint().unwrap_or_default().min(10_000));
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let item = serde_json::from_value(T::with_name(name.clone(), value));
            items.push(item.map_err(|error| de::Error::custom(format!("{name}: {error}")))?);
        }
        Ok(items)
    }
}

/// An item of a list: in full, or only its name.
struct Item<T>(T);

impl<'de, T: Named> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if T::of_name(String::new()).is_none() {
            return T::deserialize(deserializer).map(Self);
        }
        let value = match Value::deserialize(deserializer)? {
            Value::String(name) => T::of_name(name).unwrap_or_default(),
            other => other,
        };
        serde_json::from_value(value).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{AddFiles, CreateDirectories, SetMetadata};

    #[test]
    fn files_come_as_a_list_or_by_their_names() {
        let list = json!({"vo": "v", "files": [{"lfn": "/a/b", "size": 1}]});
        let named = json!({"vo": "v", "files": {"/a/b": {"size": 1}}});

        let list: AddFiles = serde_json::from_value(list).unwrap();
        let named: AddFiles = serde_json::from_value(named).unwrap();

        assert_eq!(list.files, named.files);
    }

    #[test]
    fn metadata_and_directories_come_in_their_short_forms() {
        let set: SetMetadata =
            serde_json::from_value(json!({"files": {"/a/b": {"run": 5}}})).unwrap();
        let made: CreateDirectories =
            serde_json::from_value(json!({"vo": "v", "directories": ["/a", {"path": "/b"}]}))
                .unwrap();

        assert_eq!(set.files[0].metadata["run"], 5);
        assert_eq!(made.directories.len(), 2);
        let wrong = json!({"files": {"/a/b": 5}});
        let error = serde_json::from_value::<SetMetadata>(wrong).unwrap_err();
        assert!(error.to_string().contains("/a/b"), "{error}");
    }
}
