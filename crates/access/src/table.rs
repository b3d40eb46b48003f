//! The one table of calls. A method that is not here is refused to everybody; a test holds it against the services'
//! descriptors, so that none is forgotten.

use simpang_proto::log::v1::Role;

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A command: any known principal may ask, the desk's core decides by the agent's roles.
    Core,
    /// Anyone who holds a token.
    Anybody,
    /// Those with one of these roles, from the token or from the desk's records.
    Roles(&'static [Role]),
}

const ADMIN: Access = Access::Roles(&[Role::Administrator]);
const AUDIT: Access = Access::Roles(&[Role::Auditor, Role::Supervisor, Role::Administrator]);
const PUSH: Access = Access::Roles(&[Role::Gateway, Role::Administrator]);
const LISTS: Access =
    Access::Roles(&[Role::Gateway, Role::TeamLeader, Role::Supervisor, Role::Administrator]);
const FLOOR: Access = Access::Roles(&[
    Role::Agent,
    Role::TeamLeader,
    Role::Pic,
    Role::Supervisor,
    Role::Administrator,
    Role::Auditor,
]);
/// Those on the floor, and gateways: an answer that they carry names files.
const FILES: Access = Access::Roles(&[
    Role::Gateway,
    Role::Agent,
    Role::TeamLeader,
    Role::Pic,
    Role::Supervisor,
    Role::Administrator,
    Role::Auditor,
]);
const LEAD: Access = Access::Roles(&[Role::TeamLeader, Role::Supervisor, Role::Administrator, Role::Auditor]);

/// Every method, as `package.Service/Method`, sorted.
pub const TABLE: &[(&str, Access)] = &[
    ("simpang.admin.v1.Admin/ApplyPolicy", ADMIN),
    ("simpang.admin.v1.Admin/CheckPolicy", ADMIN),
    ("simpang.admin.v1.Admin/CreateDesk", ADMIN),
    ("simpang.admin.v1.Admin/GetDesk", ADMIN),
    ("simpang.admin.v1.Admin/ListDesks", ADMIN),
    ("simpang.admin.v1.Admin/UpsertAgents", ADMIN),
    ("simpang.admin.v1.Admin/UpsertCustomers", ADMIN),
    ("simpang.agent.v1.Agent/Accept", Access::Core),
    ("simpang.agent.v1.Agent/AddNote", Access::Core),
    ("simpang.agent.v1.Agent/Bulk", Access::Core),
    ("simpang.agent.v1.Agent/CancelPull", Access::Core),
    ("simpang.agent.v1.Agent/Classify", Access::Core),
    ("simpang.agent.v1.Agent/Close", Access::Core),
    ("simpang.agent.v1.Agent/Decline", Access::Core),
    ("simpang.agent.v1.Agent/Dispose", Access::Core),
    ("simpang.agent.v1.Agent/Escalate", Access::Core),
    ("simpang.agent.v1.Agent/Follow", Access::Core),
    ("simpang.agent.v1.Agent/GetForms", FLOOR),
    ("simpang.agent.v1.Agent/GetWork", Access::Core),
    ("simpang.agent.v1.Agent/Identify", Access::Core),
    ("simpang.agent.v1.Agent/LinkReference", Access::Core),
    ("simpang.agent.v1.Agent/MarkSpam", Access::Core),
    ("simpang.agent.v1.Agent/Merge", Access::Core),
    ("simpang.agent.v1.Agent/Pull", Access::Core),
    ("simpang.agent.v1.Agent/Release", Access::Core),
    ("simpang.agent.v1.Agent/Reopen", Access::Core),
    ("simpang.agent.v1.Agent/Reply", Access::Core),
    ("simpang.agent.v1.Agent/ReportFault", Access::Core),
    ("simpang.agent.v1.Agent/Resolve", Access::Core),
    ("simpang.agent.v1.Agent/Schedule", Access::Core),
    ("simpang.agent.v1.Agent/SetPresence", Access::Core),
    ("simpang.agent.v1.Agent/SetPriority", Access::Core),
    ("simpang.agent.v1.Agent/SignIn", Access::Core),
    ("simpang.agent.v1.Agent/SignOut", Access::Core),
    ("simpang.agent.v1.Agent/Split", Access::Core),
    ("simpang.agent.v1.Agent/TakeOver", Access::Core),
    ("simpang.agent.v1.Agent/Transfer", Access::Core),
    ("simpang.agent.v1.Agent/Unfollow", Access::Core),
    ("simpang.agent.v1.Agent/Wait", Access::Core),
    ("simpang.agent.v1.Agent/Watch", Access::Core),
    ("simpang.audit.v1.Audit/Explain", LEAD),
    ("simpang.audit.v1.Audit/ListRefused", AUDIT),
    ("simpang.audit.v1.Audit/Replay", AUDIT),
    ("simpang.audit.v1.Audit/StateAt", AUDIT),
    ("simpang.ingest.v1.Ingest/LoadContacts", LISTS),
    ("simpang.ingest.v1.Ingest/Push", PUSH),
    ("simpang.ingest.v1.Ingest/PushStream", PUSH),
    ("simpang.ingest.v1.Ingest/ReportReference", PUSH),
    ("simpang.ingest.v1.Ingest/SuppressNumbers", LISTS),
    // What is uploaded is shown to nobody until a message or an answer names it.
    ("simpang.ingest.v1.Ingest/UploadAttachment", Access::Anybody),
    ("simpang.view.v1.View/CampaignProgress", FLOOR),
    ("simpang.view.v1.View/CustomerHistory", FLOOR),
    ("simpang.view.v1.View/FindCustomers", FLOOR),
    ("simpang.view.v1.View/GetAttachment", FILES),
    ("simpang.view.v1.View/GetCase", FLOOR),
    ("simpang.view.v1.View/GetHtml", FLOOR),
    ("simpang.view.v1.View/ListAgents", FLOOR),
    ("simpang.view.v1.View/ListCases", FLOOR),
    ("simpang.view.v1.View/ListDesks", Access::Anybody),
    ("simpang.view.v1.View/ListReplies", FLOOR),
    ("simpang.view.v1.View/Rebuild", ADMIN),
    ("simpang.view.v1.View/Search", FLOOR),
    ("simpang.view.v1.View/SlaBoard", FLOOR),
    ("simpang.view.v1.View/Watch", FLOOR),
];

/// Who may call this method; `None` when it is not in the table.
#[must_use]
pub fn access(method: &str) -> Option<Access> {
    let row = TABLE.binary_search_by(|(name, _)| (*name).cmp(method)).ok()?;
    TABLE.get(row).map(|(_, access)| *access)
}

/// A role's name in files and messages.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "unspecified",
        Role::Gateway => "gateway",
        Role::Agent => "agent",
        Role::TeamLeader => "team-leader",
        Role::Pic => "pic",
        Role::Supervisor => "supervisor",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

/// The role of a name, as [`role_name`] writes it.
#[must_use]
pub fn role_of_name(name: &str) -> Option<Role> {
    (1..=7).filter_map(|n| Role::try_from(n).ok()).find(|r| role_name(*r) == name)
}
