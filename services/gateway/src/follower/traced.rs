//! Spans of inputs from their request to their decision.

use simpang_log::DeskName;
use simpang_proto::log::v1::{self as log, input::Body};
use simpang_trace::{Kind, Parent, Recorded, attribute};

use super::decide::Decided;

/// Inputs whose decision is awaited. Holds nothing while spans go nowhere.
pub(super) struct Traced {
    begun: u64,
    /// Parent and case of each input, in their order.
    inputs: Vec<(Option<Parent>, u64)>,
}

impl Traced {
    /// Before the inputs are appended.
    pub(super) fn begin(inputs: &[log::Input]) -> Self {
        if !simpang_trace::enabled() {
            return Self { begun: 0, inputs: Vec::new() };
        }
        let of_input = |input: &log::Input| (simpang_trace::parent(&input.traceparent), case(input));
        Self { begun: simpang_trace::now_ns(), inputs: inputs.iter().map(of_input).collect() }
    }

    /// After all were decided, or nobody could say (`None`).
    pub(super) fn end(self, desk: &DeskName, decided: Option<&[Decided]>) {
        for (index, (parent, case)) in self.inputs.into_iter().enumerate() {
            let Some(parent) = parent else { continue };
            let mut attributes = vec![(attribute::DESK, desk.to_string())];
            if case != 0 {
                attributes.push((attribute::CASE, case.to_string()));
            }
            let decided = decided.and_then(|all| all.get(index));
            attributes.extend(decided.into_iter().flat_map(told));
            simpang_trace::record(Recorded {
                name: "gateway.command.decide",
                kind: Kind::Server,
                parent,
                start_ns: self.begun,
                end_ns: simpang_trace::now_ns(),
                failed: decided.is_none(),
                attributes,
            });
        }
    }
}

/// What the log says became of it. A refusal is a decision like another, not a failure of the gateway.
fn told(decided: &Decided) -> [(&'static str, String); 3] {
    let outcome = &decided.outcome;
    let word = match outcome {
        _ if decided.reused => "reused",
        _ if outcome.rejected().is_some() => "refused",
        _ if outcome.set_aside().is_some() => "set aside",
        _ if decided.repeat => "repeat",
        _ => "accepted",
    };
    [
        (attribute::INPUT, format!("{}.{}", outcome.place.seq, outcome.place.index)),
        (attribute::COMMIT, outcome.position.to_string()),
        (attribute::OUTCOME, word.to_owned()),
    ]
}

/// The case that a command is about; 0 for none.
fn case(input: &log::Input) -> u64 {
    match &input.body {
        Some(Body::Command(command)) => command.case,
        _ => 0,
    }
}
