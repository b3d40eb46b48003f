//! What a customer had, across channels and desks: `simpang show history`, `simpang show customers`, and the end of
//! `simpang agent show` (B5, B6, F8).

use anyhow::Result;
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use crate::client::{Client, refused};
use crate::output;

/// Most cases of a desk that are shown.
const CASES: u32 = 50;

/// Whose history.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Whoever wrote on this case.
    Case(u64),
    /// A customer of the directory.
    Customer(String),
    /// Whoever wrote from this address.
    Address(api::Channel, String),
}

/// What a desk, and every other that the caller may read, had with somebody.
pub(crate) async fn of(client: &Client, desk: &str, who: Who) -> Result<api::CustomerHistoryResponse> {
    let mut request = api::CustomerHistoryRequest {
        desk: desk.to_owned(),
        limit: CASES,
        elsewhere: true,
        ..Default::default()
    };
    match who {
        Who::Case(case) => request.case = case,
        Who::Customer(customer) => request.customer = customer,
        Who::Address(channel, address) => {
            (request.channel, request.address) = (channel.into(), address);
        }
    }
    Ok(client.view().customer_history(request).await.map_err(refused)?.into_inner())
}

/// Prints a history.
pub(crate) async fn show(client: &Client, desk: &str, who: Who, json: bool) -> Result<()> {
    let found = of(client, desk, who).await?;
    if json {
        output::message("simpang.view.v1.CustomerHistoryResponse", &found);
        return Ok(());
    }
    if let Some(customer) = &found.customer {
        output::line(format!("{} {}, segment {}", customer.id, customer.name, customer.segment));
    }
    if !found.handled_by.is_empty() {
        output::line(format!("handled by {}", found.handled_by.join(", ")));
    }
    let rows: Vec<Vec<String>> = past(desk, &found).map(|(desk, case)| row(desk, case)).collect();
    match rows.is_empty() {
        true => output::line("no desk that you may read had anything with them"),
        false => output::table(COLUMNS, &rows),
    }
    unread(&found).iter().for_each(output::line);
    Ok(())
}

const COLUMNS: &[&str] = &["desk", "case", "state", "channel", "category", "opened", "with", "subject"];

fn row(desk: &str, case: &api::CaseSummary) -> Vec<String> {
    vec![
        desk.to_owned(),
        case.case.to_string(),
        plain(case.state().as_str_name(), "CASE_STATE_"),
        plain(case.channel().as_str_name(), "CHANNEL_"),
        case.category.join(" > "),
        output::time(case.opened_ms),
        case.assignee.clone(),
        output::short(&case.subject, 40),
    ]
}

/// Each case with its desk, this desk's first.
fn past<'a>(
    desk: &'a str,
    found: &'a api::CustomerHistoryResponse,
) -> impl Iterator<Item = (&'a str, &'a api::CaseSummary)> {
    let here = found.cases.iter().map(move |case| (desk, case));
    let there = found.elsewhere.iter().flat_map(|other| {
        let desk = other.desk.as_str();
        other.cases.iter().map(move |case| (desk, case))
    });
    here.chain(there)
}

fn unread(found: &api::CustomerHistoryResponse) -> Option<String> {
    let names = found.unread.join(", ");
    (!names.is_empty()).then(|| format!("not looked at, since you may not read them: {names}"))
}

/// What else the customer of a case had, a line each.
pub(crate) fn others(desk: &str, case: u64, found: &api::CustomerHistoryResponse) -> Vec<String> {
    let others = past(desk, found).filter(|(on, other)| *on != desk || other.case != case);
    let line = |(desk, case): (&str, &api::CaseSummary)| {
        let state = plain(case.state().as_str_name(), "CASE_STATE_");
        let channel = plain(case.channel().as_str_name(), "CHANNEL_");
        let about = match case.category.is_empty() {
            true => String::new(),
            false => format!(", {}", case.category.join(" > ")),
        };
        let opened = output::time(case.opened_ms);
        format!(
            "{opened}  {desk} case {} ({state}) by {channel}{about}: {}",
            case.case,
            output::short(&case.subject, 60)
        )
    };
    others.map(line).collect()
}

/// Prints customers of the directory.
pub(crate) async fn customers(client: &Client, request: api::FindCustomersRequest, json: bool) -> Result<()> {
    let found = client.view().find_customers(request).await.map_err(refused)?.into_inner();
    if json {
        found.customers.iter().for_each(|customer| output::message("simpang.view.v1.Customer", customer));
        return Ok(());
    }
    let row = |customer: &api::Customer| {
        let identity =
            |i: &api::Identity| format!("{} {}", plain(i.channel().as_str_name(), "CHANNEL_"), i.address);
        let identities: Vec<String> = customer.identities.iter().map(identity).collect();
        let profile: Vec<String> =
            customer.profile.iter().map(|field| format!("{}: {}", field.name, field.value)).collect();
        let (id, name, segment) = (&customer.id, &customer.name, &customer.segment);
        vec![
            id.clone(),
            name.clone(),
            segment.clone(),
            customer.profession.clone(),
            identities.join(", "),
            profile.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = found.customers.iter().map(row).collect();
    output::table(&["id", "name", "segment", "profession", "addresses", "profile"], &rows);
    output::line(format!("{} of {} customers", rows.len(), found.total));
    Ok(())
}

#[cfg(test)]
mod tests {
    use simpang_proto::view::v1 as api;

    use super::others;

    #[test]
    fn other_cases_stand_with_their_desk_and_the_case_itself_does_not() {
        let case = |case, subject: &str| api::CaseSummary {
            case,
            state: api::CaseState::Closed.into(),
            channel: api::Channel::X.into(),
            category: vec!["Komplain".into()],
            opened_ms: 1_000,
            subject: subject.into(),
            ..Default::default()
        };
        let elsewhere =
            vec![api::DeskHistory { desk: "telkomcare".into(), position: 9, cases: vec![case(17, "Wifi")] }];
        let found = api::CustomerHistoryResponse {
            cases: vec![case(17, "this one"), case(3, "Tagihan")],
            elsewhere,
            ..Default::default()
        };
        let wanted = [
            "1970-01-01 00:00:01  tenesa case 3 (closed) by x, Komplain: Tagihan",
            "1970-01-01 00:00:01  telkomcare case 17 (closed) by x, Komplain: Wifi",
        ];
        assert_eq!(others("tenesa", 17, &found), wanted);
    }
}
