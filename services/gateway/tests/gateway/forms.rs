//! The forms that agents' clients draw.

use simpang_proto::admin::v1 as admin_api;
use simpang_proto::agent::v1 as api;
use tonic::Code;

use crate::admin::{POLICY, apply, files};
use crate::world::{DESK, World};

const FORMS: &str = r#"
[[template]]
name = "hello"
text = "Halo {{customer}}, nomor {{case}}"

[category]
Komplain = ["Internet"]

[reasons]
not_ready = ["istirahat"]
decline = ["konflik"]

[[campaign]]
name = "callback"
title = "Callback"
retry = "2h"
fields = ["nomor tiket"]

[[campaign.criterion]]
code = "vvip"
title = "VVIP"

[[campaign.disposition]]
label = "Contacted"
contacted = true

[[campaign.disposition.then]]
label = "Sukses"
requires = ["nomor tiket"]
answered = ["reporter"]
effect = "close"

[[campaign.disposition.then]]
label = "Reschedule"
effect = "reschedule"

[fault]
product = "No Jastel"

[[fault.field]]
name = "Urgency"
choices = ["Normal", "Hard"]
required = true
"#;

#[tokio::test]
async fn agents_get_the_forms_of_the_policy_in_force_and_of_the_next_when_it_is() {
    let world = World::start().await;
    let (mut admin, mut agent) = (world.admin(), world.agent("sari-token"));
    let ask = |at_least| api::GetFormsRequest { desk: DESK.into(), at_least };
    let stranger = agent.get_forms(ask(0)).await.unwrap_err();
    assert_eq!(stranger.code(), Code::PermissionDenied, "no agent of the desk yet");
    let sari = admin_api::Agent {
        agent: "sari".into(),
        roles: vec![admin_api::Role::Agent.into()],
        ..admin_api::Agent::default()
    };
    let request =
        admin_api::UpsertAgentsRequest { desk: DESK.into(), request_id: "sari".into(), agents: vec![sari] };
    admin.upsert_agents(request).await.unwrap();
    let before = agent.get_forms(ask(0)).await.unwrap().into_inner();
    assert_eq!((before.policy_version, before.categories.len()), (0, 0));
    let first = admin.apply_policy(apply("f1", 0, files(3, POLICY))).await.unwrap().into_inner();
    let plain = agent.get_forms(ask(first.position)).await.unwrap().into_inner();
    assert_eq!((plain.policy_version, plain.fault, plain.campaigns.len()), (3, None, 0));
    let richer = format!("{POLICY}\n{FORMS}");
    let next = admin.apply_policy(apply("f2", 0, files(4, &richer))).await.unwrap().into_inner();
    let forms = agent.get_forms(ask(next.position)).await.unwrap().into_inner();
    assert_eq!(forms.policy_version, 4);
    assert!(forms.position >= next.position);
    assert_eq!(forms.categories[0].below[0].label, "Internet");
    assert_eq!(
        (forms.not_ready_reasons[0].as_str(), forms.decline_reasons[0].as_str()),
        ("istirahat", "konflik")
    );
    let hello = forms.templates.iter().find(|template| template.name == "hello").unwrap();
    assert_eq!(hello.fields, ["case", "customer"]);
    let campaign = &forms.campaigns[0];
    assert_eq!((campaign.fields[0].as_str(), campaign.criteria[0].code.as_str()), ("nomor tiket", "vvip"));
    let [solved, later] = &campaign.dispositions[0].below[..] else { panic!("two outcomes") };
    assert_eq!((solved.effect.as_str(), solved.required[0].as_str()), ("close", "nomor tiket"));
    assert_eq!(solved.answered().collect::<Vec<_>>(), [api::Answered::Reporter]);
    assert!(later.needs_time && !solved.needs_time);
    let fault = forms.fault.unwrap();
    assert_eq!((fault.product.as_str(), fault.fields[0].choices.len()), ("No Jastel", 2));
    let refused = world.agent("no-token").get_forms(ask(0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
