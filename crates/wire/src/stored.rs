//! Messages of the log among what a reader of it writes down.

use prost::Message;
use simpang_domain::stored::{Damaged, Reader, Shape, Way, Writer};

/// A message as its protobuf bytes.
#[derive(Debug)]
pub struct Encoded;

impl<M: Message + Default> Way<M> for Encoded {
    fn shape(shape: &mut Shape) {
        shape.word("message");
        shape.word(std::any::type_name::<M>());
    }

    fn store(it: &M, to: &mut Writer<'_>) {
        let bytes = it.encode_to_vec();
        to.count(bytes.len());
        to.bytes(&bytes);
    }

    fn load(from: &mut Reader<'_>) -> Result<M, Damaged> {
        let n = from.count()?;
        let read = M::decode(from.bytes(n)?);
        read.map_err(|_| from.damaged("message"))
    }
}
