//! Each key is taken once.

use simpang_proto::log::v1::Input;

use super::Id;

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Keys that were taken, and by which input.
    taken: Vec<(Vec<u8>, Id)>,
    /// What was said of the inputs that are not judged to their end: the first that one repeats.
    repeats: Vec<(Id, Id)>,
}

impl Keys {
    pub(super) fn repeated(&mut self, id: Id, first: Id) {
        self.repeats.push((id, first));
    }

    pub(super) fn knows(&self, key: &[u8]) -> bool {
        self.taken.iter().any(|(taken, _)| taken == key)
    }

    /// An input is judged to its end; says what can't be right about it.
    pub(super) fn judged(&mut self, id: Id, input: &Input) -> Option<String> {
        if input.key.is_empty() {
            return None;
        }
        let first = self.taken.iter().find(|(taken, _)| taken[..] == input.key[..]).map(|(_, first)| *first);
        let said = self.repeats.iter().find(|(repeat, _)| *repeat == id).map(|(_, first)| *first);
        if first.is_none() {
            self.taken.push((input.key.to_vec(), id));
        }
        (first != said)
            .then(|| format!("model: input {id:?} repeats {first:?} and was judged as a repeat of {said:?}"))
    }
}
