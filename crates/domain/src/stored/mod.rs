//! What a desk remembers as bytes, for snapshots: compact, the same for the same state on every machine, and read
//! back with every length and number checked. It comes in parts, so that neither side ever holds all of it.
//!
//! Numbers are base-128 varints (signed ones zigzag), names are written once and numbered from then on, hash maps are
//! in order of their keys. Nothing says where a field begins: writer and reader go through the types in the same
//! order, and [`shape`] tells whether they are the same types.
//!
//! A type's [`Stored`] is declared beside it with `stored!`, which names every field, so that one which is added and
//! not declared does not compile. Other readers of a log write down what they made of it in the same manner.

mod basic;
pub mod ways;

use crate::state::Map;
use crate::words::Name;

/// Encoded size after which a part is given out, bytes. A part is a little longer, by the element it ends with.
pub const PART_BYTES: usize = 4 * 1024 * 1024;

/// Something of a desk's state that can be written down and read back.
pub trait Stored: Sized {
    /// Adds a description of its layout: equal descriptions, equal reading.
    fn shape(shape: &mut Shape);

    /// Writes it.
    fn store(&self, to: &mut Writer<'_>);

    /// Reads it.
    ///
    /// # Errors
    /// When the bytes are not what [`Self::store`] writes.
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged>;
}

/// A way to write something down that has none of its own: a type of another crate, or one that is written otherwise
/// than it stands in memory.
pub trait Way<T> {
    /// As [`Stored::shape`].
    fn shape(shape: &mut Shape);

    /// As [`Stored::store`].
    fn store(it: &T, to: &mut Writer<'_>);

    /// As [`Stored::load`].
    ///
    /// # Errors
    /// As [`Stored::load`].
    fn load(from: &mut Reader<'_>) -> Result<T, Damaged>;
}

/// Bytes that are not what the writer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged {
    /// What was being read.
    pub what: &'static str,
    /// Where, in bytes from the beginning.
    pub at: u64,
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no {} stands at byte {}", self.what, self.at)
    }
}

/// Collects a layout's description.
#[derive(Debug, Clone)]
pub struct Shape(u64);

impl Default for Shape {
    fn default() -> Self {
        Self::new()
    }
}

impl Shape {
    /// Nothing described yet.
    #[must_use]
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The number for all that was described.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0
    }

    /// Adds a word of it.
    pub fn word(&mut self, word: &str) {
        for byte in word.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds the layout of a field, found by its reader and written in this way.
    pub fn field<W: Way<T>, S, T>(&mut self, name: &str, _: impl Fn(&S) -> &T) {
        self.word(name);
        W::shape(self);
    }
}

/// A number for a type's layout: another field, another order or another type gives another number.
#[must_use]
pub fn shape<T: Stored>() -> u64 {
    let mut shape = Shape::new();
    T::shape(&mut shape);
    shape.number()
}

/// Writes in parts.
pub struct Writer<'a> {
    part: Vec<u8>,
    names: Map<Name, u64>,
    give: &'a mut dyn FnMut(Vec<u8>),
    part_bytes: usize,
}

impl<'a> Writer<'a> {
    /// Writes to whoever takes the parts, in order.
    pub fn new(give: &'a mut dyn FnMut(Vec<u8>)) -> Self {
        Self::in_parts_of(PART_BYTES, give)
    }

    /// The same with parts of another size, bytes.
    pub fn in_parts_of(part_bytes: usize, give: &'a mut dyn FnMut(Vec<u8>)) -> Self {
        Self { part: Vec::new(), names: Map::default(), give, part_bytes }
    }

    /// Gives out the last part.
    pub fn finish(self) {
        if !self.part.is_empty() {
            (self.give)(self.part);
        }
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.part.push(byte);
    }

    /// Bytes whose number the reader knows.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.part.extend_from_slice(bytes);
    }

    /// A number.
    pub fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.part.push((n as u8) | 0x80);
            n >>= 7;
        }
        self.part.push(n as u8);
    }

    /// How many elements follow.
    pub fn count(&mut self, n: usize) {
        self.number(n as u64);
    }

    /// A name: in full where it comes first, by its number from then on.
    pub fn name(&mut self, name: &Name) {
        if let Some(known) = self.names.get(name) {
            return self.number(*known);
        }
        self.names.insert(name.clone(), self.names.len() as u64 + 1);
        self.byte(0);
        self.count(name.len());
        self.bytes(name.as_bytes());
    }

    /// An element ends here: a part may end as well.
    pub fn element(&mut self) {
        if self.part.len() >= self.part_bytes {
            let next = Vec::with_capacity(self.part.len() + 1024);
            (self.give)(std::mem::replace(&mut self.part, next));
        }
    }
}

/// Reads parts.
pub struct Reader<'a> {
    part: Vec<u8>,
    at: usize,
    before: u64,
    names: Vec<Name>,
    next: &'a mut dyn FnMut() -> Option<Vec<u8>>,
}

impl<'a> Reader<'a> {
    /// Reads from whoever gives the parts, in order.
    pub fn new(next: &'a mut dyn FnMut() -> Option<Vec<u8>>) -> Self {
        Self { part: Vec::new(), at: 0, before: 0, names: Vec::new(), next }
    }

    /// That it can't be read here.
    #[must_use]
    pub fn damaged(&self, what: &'static str) -> Damaged {
        Damaged { what, at: self.before + self.at as u64 }
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// When something is.
    pub fn finish(mut self) -> Result<(), Damaged> {
        match self.refill() {
            false => Ok(()),
            true => Err(self.damaged("end")),
        }
    }

    /// Takes the next part once this one is used up; says whether there is anything to read.
    fn refill(&mut self) -> bool {
        while self.at == self.part.len() {
            match (self.next)() {
                Some(part) => {
                    self.before += self.at as u64;
                    (self.part, self.at) = (part, 0);
                }
                None => return false,
            }
        }
        true
    }

    /// As many bytes.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&[u8], Damaged> {
        if n == 0 {
            return Ok(&[]);
        }
        self.refill();
        let end = self.at.checked_add(n).filter(|end| *end <= self.part.len());
        let Some(end) = end else { return Err(self.damaged("byte")) };
        let bytes = &self.part[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// When there is none.
    pub fn byte(&mut self) -> Result<u8, Damaged> {
        if let Some(byte) = self.part.get(self.at) {
            self.at += 1;
            return Ok(*byte);
        }
        self.bytes(1).map(|bytes| bytes[0])
    }

    /// A number.
    ///
    /// # Errors
    /// When there is none, or one of more than 64 bits.
    pub fn number(&mut self) -> Result<u64, Damaged> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            n |= bits << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(self.damaged("number"))
    }

    /// How many elements follow.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn count(&mut self) -> Result<usize, Damaged> {
        let n = self.number()?;
        usize::try_from(n).map_err(|_| self.damaged("count"))
    }

    /// A name.
    ///
    /// # Errors
    /// When it is no text, or of a number that was not given out.
    pub fn name(&mut self) -> Result<Name, Damaged> {
        let known = self.number()?;
        if known > 0 {
            let at = usize::try_from(known - 1).ok();
            return at.and_then(|at| self.names.get(at)).cloned().ok_or_else(|| self.damaged("name"));
        }
        let n = self.count()?;
        let text = std::str::from_utf8(self.bytes(n)?).map(Name::from);
        let name = text.map_err(|_| self.damaged("text"))?;
        self.names.push(name.clone());
        Ok(name)
    }
}

/// Declares how a type is stored: every field of a struct, or every variant of an enum with its number. A field of a
/// struct that is written in a [`Way`] says so, `field as Way`.
#[macro_export]
macro_rules! stored {
    (way) => { $crate::stored::ways::Own };
    (way $way:ty) => { $way };
    (struct $name:ident { $($field:ident $(as $way:ty)?),+ $(,)? }) => {
        impl $crate::stored::Stored for $name {
            fn shape(shape: &mut $crate::stored::Shape) {
                shape.word(stringify!($name));
                $(shape.field::<$crate::stored!(way $($way)?), _, _>(
                    stringify!($field),
                    |all: &Self| &all.$field,
                );)+
            }

            fn store(&self, to: &mut $crate::stored::Writer<'_>) {
                let Self { $($field),+ } = self;
                $(<$crate::stored!(way $($way)?) as $crate::stored::Way<_>>::store($field, to);)+
            }

            fn load(from: &mut $crate::stored::Reader<'_>) -> Result<Self, $crate::stored::Damaged> {
                Ok(Self {
                    $($field: <$crate::stored!(way $($way)?) as $crate::stored::Way<_>>::load(from)?),+
                })
            }
        }
    };
    (tuple $name:ident ( $inner:ty )) => {
        impl $crate::stored::Stored for $name {
            fn shape(shape: &mut $crate::stored::Shape) {
                shape.word(stringify!($name));
                <$inner as $crate::stored::Stored>::shape(shape);
            }

            fn store(&self, to: &mut $crate::stored::Writer<'_>) {
                $crate::stored::Stored::store(&self.0, to);
            }

            fn load(from: &mut $crate::stored::Reader<'_>) -> Result<Self, $crate::stored::Damaged> {
                Ok(Self($crate::stored::Stored::load(from)?))
            }
        }
    };
    (enum $name:ident { $($tag:literal = $variant:ident
        $({ $($field:ident: $fty:ty),+ $(,)? })? $(( $($place:ident: $pty:ty),+ ))?),+ $(,)? }) => {
        impl $crate::stored::Stored for $name {
            fn shape(shape: &mut $crate::stored::Shape) {
                shape.word(stringify!($name));
                $(
                    shape.word(stringify!($tag));
                    shape.word(stringify!($variant));
                    $($(
                        shape.word(stringify!($field));
                        <$fty as $crate::stored::Stored>::shape(shape);
                    )+)?
                    $($(<$pty as $crate::stored::Stored>::shape(shape);)+)?
                )+
            }

            fn store(&self, to: &mut $crate::stored::Writer<'_>) {
                match self {
                    $(Self::$variant $({ $($field),+ })? $(( $($place),+ ))? => {
                        to.byte($tag);
                        $($(<$fty as $crate::stored::Stored>::store($field, to);)+)?
                        $($(<$pty as $crate::stored::Stored>::store($place, to);)+)?
                    })+
                }
            }

            fn load(from: &mut $crate::stored::Reader<'_>) -> Result<Self, $crate::stored::Damaged> {
                match from.byte()? {
                    $($tag => Ok(Self::$variant
                        $({ $($field: <$fty as $crate::stored::Stored>::load(from)?),+ })?
                        $(( $(<$pty as $crate::stored::Stored>::load(from)?),+ ))?),)+
                    _ => Err(from.damaged(stringify!($name))),
                }
            }
        }
    };
}

pub use stored;
