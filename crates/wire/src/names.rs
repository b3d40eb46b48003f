//! Names that are made once: the same few queues, skills, agents and accounts come with every input, and need not be
//! allocated with each.
//!
//! A table of fixed size in which a newcomer takes the place of whoever was there, so that nothing from outside makes
//! it grow or slow, and what it holds changes no result: only whether two equal names share their memory.

use simpang_domain::words::Name;

/// Slots of a full table; 8 bytes each, besides the names themselves.
const SLOTS: usize = 8192;

/// Longer texts are hardly ever names; keeping them would only hold memory.
const LONGEST: usize = 128;

/// Gives equal texts the same name.
#[derive(Debug, Clone, Default)]
pub struct Names {
    slots: Vec<Option<Name>>,
}

impl Names {
    /// A table for one reader.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: vec![None; SLOTS] }
    }

    /// Shares nothing and costs nothing: for reading something once.
    #[must_use]
    pub fn unshared() -> Self {
        Self::default()
    }

    /// The name of this text.
    pub fn name(&mut self, text: &str) -> Name {
        if self.slots.is_empty() || text.len() > LONGEST {
            return Name::from(text);
        }
        let slot = &mut self.slots[slot_of(text.as_bytes())];
        match slot {
            Some(name) if **name == *text => name.clone(),
            _ => slot.insert(Name::from(text)).clone(),
        }
    }

    /// The name of this text; none for an empty one.
    pub fn optional(&mut self, text: &str) -> Option<Name> {
        (!text.is_empty()).then(|| self.name(text))
    }

    /// The names of these texts, in their order.
    pub fn all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> Vec<Name> {
        texts.into_iter().map(|text| self.name(text)).collect()
    }
}

/// Which slot a text belongs to: its eight-byte words, each multiplied in, and the best-mixed bits of the result.
fn slot_of(text: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 over the golden ratio, odd
    let mut hash = text.len() as u64;
    for chunk in text.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    (hash >> (64 - SLOTS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Name, Names, SLOTS};

    #[test]
    fn equal_texts_share_one_name() {
        let mut names = Names::new();
        let (one, two) = (names.name("queue-priority"), names.name(&String::from("queue-priority")));
        assert!(Name::ptr_eq(&one, &two));
        assert_eq!(names.optional(""), None);
        assert_eq!(&*names.name(""), "");
    }

    #[test]
    fn any_number_of_texts_keep_their_meaning_and_no_more_than_the_table_is_held() {
        let mut names = Names::new();
        for n in 0..(SLOTS as u32 * 4) {
            let text = format!("customer {n}");
            assert_eq!(*names.name(&text), *text);
        }
        assert_eq!(names.slots.len(), SLOTS);
        let long = "x".repeat(LONGEST + 1);
        assert!(!Name::ptr_eq(&names.name(&long), &names.name(&long)));
    }

    #[test]
    fn a_desks_usual_names_seldom_displace_each_other() {
        let mut names = Names::new();
        let texts: Vec<String> = (0..500).map(|n| format!("agent.{n:03}")).collect();
        let first: Vec<_> = texts.iter().map(|text| names.name(text)).collect();
        let kept =
            texts.iter().zip(&first).filter(|(text, name)| Name::ptr_eq(&names.name(text), name)).count();
        assert!(kept > 420, "only {kept} of 500 names were kept");
    }
}
