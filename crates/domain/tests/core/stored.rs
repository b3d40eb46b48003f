//! What a desk remembers, written down and read back.

use proptest::prelude::*;
use simpang_domain::desk::Desk;
use simpang_domain::state::State;
use simpang_domain::stored::{Damaged, Reader, Stored, Writer, shape};

use crate::history::{moves, play, ruled};

/// Small, so that elements fall on both sides of a part's end.
const PART_BYTES: usize = 64;

fn written(state: &State) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut give = |part| parts.push(part);
    let mut to = Writer::in_parts_of(PART_BYTES, &mut give);
    state.store(&mut to);
    to.finish();
    parts
}

fn read(parts: &[Vec<u8>]) -> Result<State, Damaged> {
    let mut parts = parts.iter().cloned();
    let mut next = || parts.next();
    let mut from = Reader::new(&mut next);
    let state = State::load(&mut from)?;
    from.finish()?;
    Ok(state)
}

#[test]
fn a_desk_that_nothing_has_reached_is_read_back() {
    assert_eq!(read(&written(&State::default())), Ok(State::default()));
}

#[test]
fn layouts_of_different_types_differ() {
    assert_eq!(shape::<State>(), shape::<State>());
    assert_ne!(shape::<Vec<u32>>(), shape::<Vec<u64>>());
    assert_ne!(shape::<(u32, u64)>(), shape::<(u64, u32)>());
    assert_ne!(shape::<Option<u32>>(), shape::<u32>());
}

#[test]
fn a_number_of_more_than_64_bits_is_damage() {
    for bytes in [[0xff; 10].to_vec(), [[0xff; 9].as_slice(), &[2]].concat(), vec![0x80], Vec::new()] {
        let mut parts = std::iter::once(bytes);
        let mut next = || parts.next();
        assert!(Reader::new(&mut next).number().is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_desk_that_is_read_back_goes_on_like_the_one_that_was_written(
        steps in proptest::collection::vec(moves(), 10..80), cut in 0..200usize
    ) {
        let trial = play(steps);
        let cut = cut % trial.history.len();
        let mut whole = Desk::new(ruled());
        for (input, events) in &trial.history[..cut] {
            whole.fold(input, events, trial.rules_of(input.id));
        }
        let parts = written(whole.state());
        let state = read(&parts).unwrap();
        prop_assert_eq!(&state, whole.state());
        prop_assert_eq!(written(&state), parts, "the same state gives the same bytes");
        let mut resumed = Desk::resumed(state, whole.rules().clone());
        for (input, events) in &trial.history[cut..] {
            prop_assert_eq!(&resumed.judge(input, trial.rules_of(input.id)), events);
            whole.fold(input, events, trial.rules_of(input.id));
        }
        prop_assert_eq!(resumed.state(), whole.state());
    }

    #[test]
    fn damage_is_an_error_or_another_state_and_never_a_panic(
        steps in proptest::collection::vec(moves(), 10..40), at in any::<usize>(), bit in 0..8u8, cut: bool
    ) {
        let mut bytes = written(play(steps).desk.state()).concat();
        let whole = read(&[bytes.clone()]).unwrap();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        prop_assert!(read(&[bytes]).ok() != Some(whole));
    }
}
