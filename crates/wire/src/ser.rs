//! Values from types that serde can write.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use crate::{Encoding, Limits, SerdeError, Value};

/// The name under which moments in UTC are written: an RFC 3339 text within a newtype.
const MOMENT: &str = "Timestamp";

/// The name under which `serde_json` hands over a text that is JSON already.
const RAW: &str = "$serde_json::private::RawValue";

/// Turns a value of any type into one that DIRAC can send. Moments become dates with times.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, SerdeError> {
    value.serialize(Writer)
}

type Written = Result<Value, SerdeError>;

struct Writer;

impl ser::Serializer for Writer {
    type Ok = Value;
    type Error = SerdeError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn serialize_bool(self, value: bool) -> Written {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, number: i8) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i16(self, number: i16) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i32(self, number: i32) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_i64(self, number: i64) -> Written {
        Ok(Value::Int(number))
    }

    fn serialize_u8(self, number: u8) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u16(self, number: u16) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u32(self, number: u32) -> Written {
        Ok(Value::Int(number.into()))
    }

    fn serialize_u64(self, number: u64) -> Written {
        let fits = i64::try_from(number);
        fits.map(Value::Int).map_err(|_| SerdeError(format!("{number} is greater than 2^63 - 1")))
    }

    fn serialize_f32(self, number: f32) -> Written {
        Ok(Value::Float(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Written {
        Ok(Value::Float(number))
    }

    fn serialize_char(self, character: char) -> Written {
        Ok(Value::Text(character.to_string()))
    }

    fn serialize_str(self, text: &str) -> Written {
        Ok(Value::from(text))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Written {
        let value = value.serialize(self)?;
        if name == MOMENT
            && let Value::Text(text) = &value
            && let Ok(moment) = text.parse::<jiff::Timestamp>()
        {
            return Ok(Value::DateTime(jiff::tz::Offset::UTC.to_datetime(moment)));
        }
        Ok(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(Value::dict([(variant, value.serialize(Self)?)]))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, SerdeError> {
        Ok(Items { items: Vec::with_capacity(length.unwrap_or_default()), variant: None })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, SerdeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, SerdeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items, SerdeError> {
        Ok(Items { items: Vec::with_capacity(length), variant: Some(variant) })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries, SerdeError> {
        Ok(Entries::new(length.unwrap_or_default()))
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Entries, SerdeError> {
        Ok(Entries { is_raw: name == RAW, ..Entries::new(length) })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Entries, SerdeError> {
        Ok(Entries { variant: Some(variant), ..Entries::new(length) })
    }
}

struct Items {
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        self.items.push(value.serialize(Writer)?);
        Ok(())
    }

    fn finish(self) -> Value {
        let list = Value::List(self.items);
        match self.variant {
            Some(variant) => Value::dict([(variant, list)]),
            None => list,
        }
    }
}

macro_rules! items {
    ($($trait:ident $push:ident),*) => {
        $(impl $trait for Items {
            type Ok = Value;
            type Error = SerdeError;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
                self.push(value)
            }

            fn end(self) -> Written {
                Ok(self.finish())
            }
        })*
    };
}

items!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

struct Entries {
    pairs: Vec<(Value, Value)>,
    variant: Option<&'static str>,
    is_raw: bool,
}

impl Entries {
    fn new(length: usize) -> Self {
        Self { pairs: Vec::with_capacity(length), variant: None, is_raw: false }
    }

    fn finish(mut self) -> Written {
        if self.is_raw {
            let Some((_, Value::Text(text))) = self.pairs.pop() else { return Ok(Value::Null) };
            return Encoding::Json
                .decode(text.as_bytes(), Limits::default())
                .map_err(|error| SerdeError(error.to_string()));
        }
        let dict = Value::Dict(self.pairs);
        Ok(match self.variant {
            Some(variant) => Value::dict([(variant, dict)]),
            None => dict,
        })
    }
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        self.pairs.push((key.serialize(Writer)?, Value::Null));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let value = value.serialize(Writer)?;
        if let Some(entry) = self.pairs.last_mut() {
            entry.1 = value;
        }
        Ok(())
    }

    fn end(self) -> Written {
        self.finish()
    }
}

macro_rules! entries {
    ($($trait:ident),*) => {
        $(impl $trait for Entries {
            type Ok = Value;
            type Error = SerdeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), SerdeError> {
                self.pairs.push((Value::from(key), value.serialize(Writer)?));
                Ok(())
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

entries!(SerializeStruct, SerializeStructVariant);
