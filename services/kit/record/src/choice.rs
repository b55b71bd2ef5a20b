//! An enum of the contract in a `smallint` column.

use serde::{Deserialize, Serialize};
use sqlx::{Decode, Encode, Postgres, Type, encode::IsNull, error::BoxDynError, postgres::PgTypeInfo};

/// An enum of the contract, stored as its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice<E>(pub E);

impl<E: Into<i32> + Copy> Choice<E> {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        self.0.into()
    }

    fn stored(self) -> i16 {
        i16::try_from(self.number()).unwrap_or(0)
    }
}

impl<E> Type<Postgres> for Choice<E> {
    fn type_info() -> PgTypeInfo {
        <i16 as Type<Postgres>>::type_info()
    }
}

impl<'r, E: TryFrom<i32> + Default> Decode<'r, Postgres> for Choice<E> {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let number = <i16 as Decode<'r, Postgres>>::decode(value)?;
        // A number of a newer binary reads as unspecified rather than failing the whole row.
        Ok(Self(E::try_from(i32::from(number)).unwrap_or_default()))
    }
}

impl<'q, E: Into<i32> + Copy> Encode<'q, Postgres> for Choice<E> {
    fn encode_by_ref(&self, buffer: &mut sqlx::postgres::PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i16 as Encode<'q, Postgres>>::encode_by_ref(&self.stored(), buffer)
    }
}

impl<E: Into<i32> + Copy> Serialize for Choice<E> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i16(self.stored())
    }
}

impl<'de, E: TryFrom<i32> + Default> Deserialize<'de> for Choice<E> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i16::deserialize(deserializer)?;
        Ok(Self(E::try_from(i32::from(number)).unwrap_or_default()))
    }
}
