//! Promises about calls that wait for people: asked once, decided by those whom the rule asks, used
//! once, gone when what they rest on is gone.

use std::sync::Arc;

use store::{
    APPROVAL_ARGUMENTS_BYTES_MAX, APPROVALS_MADE_PER_GRANT_HOUR_MAX,
    APPROVALS_PENDING_PER_GRANT_MAX, Approval, ApprovalAsk, ApprovalId, ApprovalNeed,
    ApprovalState, ApprovalsOf, Asked, Bar, BeginError, By, ChangeError, Grant, GrantDraft,
    GrantState, Member, MemberId, OrgId, Page, PolicyId, Role, Server, SignedOff, Word,
};
use vault::Secret;

use super::quotas::{charge, key};
use super::{House, Store, grant_draft};

const ARGUMENTS: &str = r#"{"arguments":{"amount":800,"payment":"planted-7c1e"}}"#;
const RULE: &str = "/tools/refund_payment/approve_if/args.amount-gt";
const POLICY: &str = r#"{"version":"1","default":"deny","tools":{"refund_payment":{"approve_if":[
    {"conditions":[{"path":"args.amount","op":"gt","value":500}],"approvers":["group:finance"]}]}}}"#;

/// A house where calls of one grant are held.
pub(crate) struct Held<S> {
    pub(crate) house: House<S>,
    pub(crate) server: Server,
    pub(crate) grant: Grant,
    pub(crate) policy: PolicyId,
    pub(crate) finance: Member,
}

pub(crate) async fn held<S: Store>(house: House<S>) -> Held<S> {
    let server = house.server("a").await;
    let policy = house.policy("p", POLICY).await;
    let draft = grant_draft("g", &[&server.id]);
    let draft = GrantDraft { identity: "owner@example.org".to_owned(), ..draft };
    let (grant, _) = house.store.grant_issue(&house.by(), draft).await.unwrap();
    let attached = Some(policy.clone());
    let grant =
        house.store.grant_attach(&house.by(), &grant.id, &server.id, attached).await.unwrap();
    let tool = store::FoundTool {
        name: "refund_payment".to_owned(),
        definition: br#"{"name":"refund_payment"}"#.to_vec(),
        fingerprint: "print".to_owned(),
        withheld: None,
        hidden_text: false,
    };
    let now = store::Clock::now(&*house.clock);
    let health = "ok".to_owned();
    house.store.server_found(&server.id, None, health, Some(vec![tool]), true, now).await.unwrap();
    let finance = house.member("finance", Role::PolicyManager).await;
    let in_it = vec![finance.id.clone()];
    house.store.group_create(&house.by(), "finance", in_it).await.unwrap();
    Held { house, server, grant, policy, finance }
}

impl<S: Store> Held<S> {
    pub(crate) fn need(approvers: &[&str], count: u32) -> ApprovalNeed {
        ApprovalNeed {
            rule: RULE.to_owned(),
            approvers: approvers.iter().map(|a| (*a).to_owned()).collect(),
            count,
            message: None,
        }
    }

    pub(crate) fn asking(&self, digest: u8, needs: Vec<ApprovalNeed>) -> ApprovalAsk {
        ApprovalAsk {
            org: self.house.org.clone(),
            digest: [digest; 32],
            grant: self.grant.id.clone(),
            grant_label: "g".into(),
            identity: self.grant.identity.as_str().into(),
            server: self.server.id.clone(),
            server_slug: "a".into(),
            credential: None,
            tool: "refund_payment".to_owned(),
            fingerprint: Some("print".into()),
            policy: (self.policy.clone(), 1),
            needs,
            expires_in_seconds: 1_800,
            call: self.house.intent(&self.grant, &self.server).id,
            arguments: Secret::new(ARGUMENTS.as_bytes().to_vec()),
        }
    }

    pub(crate) async fn ask_for(&self, digest: u8, needs: Vec<ApprovalNeed>) -> Approval {
        let ask = self.asking(digest, needs);
        match self.house.store.approving().approval_ask(ask).await.unwrap() {
            Asked::Stands(approval) => *approval,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ask(&self, digest: u8) -> Approval {
        self.ask_for(digest, vec![Self::need(&["group:finance"], 1)]).await
    }

    fn by(&self, member: &Member) -> By {
        By { member: Some(member.id.clone()), name: member.name.clone(), ..self.house.by() }
    }

    async fn say(
        &self,
        member: &Member,
        approval: &Approval,
        approve: bool,
    ) -> Result<Approval, ChangeError> {
        let fingerprint = approval.fingerprint_shown();
        let word = Word { approve, fingerprint, note: "seen".to_owned() };
        let by = self.by(member);
        self.house.store.approval_decide(&by, member.role, &approval.id, word).await
    }

    pub(crate) async fn approved(&self, digest: u8) -> Approval {
        let asked = self.ask(digest).await;
        self.say(&self.finance, &asked, true).await.unwrap()
    }

    pub(crate) async fn deny(&self, approval: &Approval) {
        self.say(&self.finance, approval, false).await.unwrap();
    }

    pub(crate) async fn begin(&self, id: &ApprovalId, digest: u8) -> Result<(), BeginError> {
        let intent = self.house.intent(&self.grant, &self.server);
        let money = (key(&self.house, &self.grant, &self.server, "money"), charge("money", 10, 1));
        let approval = SignedOff { id: id.clone(), digest: [digest; 32] };
        let judged_at = self.house.generation();
        let approving = self.house.store.approving();
        approving.call_begin_approved(intent, vec![money], judged_at, approval).await
    }

    pub(crate) async fn state(&self, id: &ApprovalId) -> ApprovalState {
        let found = self.house.store.approval(&self.house.org, id.as_str()).await.unwrap();
        found.unwrap().0.state
    }
}

fn barred<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> Bar {
    match result {
        Err(ChangeError::Barred(bar)) => bar,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn the_same_call_asks_once_and_another_asks_anew<S: Store>(house: House<S>) {
    let held = held(house).await;
    let first = held.ask(1).await;
    assert_eq!((first.state, first.asked), (ApprovalState::Pending, 1));
    let again = held.ask(1).await;
    assert_eq!((&again.id, again.asked), (&first.id, 2), "the repeat attaches");
    assert_ne!(held.ask(2).await.id, first.id, "another call is another question");

    let store = &held.house.store;
    let page = Page { after: None, limit: 1 };
    let list = async |page: &Page, which| {
        let member = &held.finance;
        store.approvals(&held.house.org, &member.id, member.role, which, page).await.unwrap()
    };
    let one = list(&page, ApprovalsOf::Waiting).await;
    let two = list(&Page { after: one.next.clone(), limit: 5 }, ApprovalsOf::Waiting).await;
    assert_eq!((one.items.len(), two.items.len(), two.next), (1, 1, None));
    assert_ne!(one.items[0].0.id, two.items[0].0.id);
    assert!(one.items[0].1.is_none(), "the finance member may decide it");
    assert!(list(&page, ApprovalsOf::Decided).await.items.is_empty());
    held.say(&held.finance, &first, false).await.unwrap();
    assert_eq!(list(&page, ApprovalsOf::Decided).await.items[0].0.id, first.id);
}

/// V03: however many come at once, one call uses it; its intent, its quota and its end are one.
pub(crate) async fn an_approval_is_used_by_one_call<S: Store>(house: House<S>) {
    let held = Arc::new(held(house).await);
    let approval = held.approved(1).await;
    assert_eq!(approval.state, ApprovalState::Approved);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (held, id) = (held.clone(), approval.id.clone());
            tokio::spawn(async move { held.begin(&id, 1).await })
        })
        .collect();
    let mut used = 0;
    for caller in callers {
        match caller.await.unwrap() {
            Ok(()) => used += 1,
            Err(error) => assert!(matches!(error, BeginError::NotApproved), "{error}"),
        }
    }
    assert_eq!(used, 1);
    let lines = held.house.log().await;
    assert_eq!(lines.len(), 1);
    let (ended, _) =
        held.house.store.approval(&held.house.org, approval.id.as_str()).await.unwrap().unwrap();
    assert_eq!(ended.state, ApprovalState::Consumed);
    assert_eq!(ended.used_by, Some(lines[0].intent.id));
    assert!(matches!(held.begin(&approval.id, 1).await, Err(BeginError::NotApproved)));
    let asked = held.ask(1).await;
    assert_ne!(asked.id, approval.id, "the same call once more is a new question");
    assert_eq!(asked.state, ApprovalState::Pending);
}

/// V04 and V10, as far as the store can tell: what is used must be what was approved, and in force.
pub(crate) async fn an_approval_is_good_for_its_own_call_alone<S: Store>(house: House<S>) {
    let held = held(house).await;
    let pending = held.ask(1).await;
    assert!(matches!(held.begin(&pending.id, 1).await, Err(BeginError::NotApproved)), "pending");
    let approval = held.approved(2).await;
    for (id, digest, what) in [
        (&approval.id, 3, "other arguments"),
        (&pending.id, 2, "another approval's digest"),
        (&ApprovalId::from("apr_none"), 2, "no approval"),
    ] {
        let refused = held.begin(id, digest).await;
        assert!(matches!(refused, Err(BeginError::NotApproved)), "{what}");
    }
    // A limit that is full, or a view that is old, leaves it as it is.
    let intent = held.house.intent(&held.grant, &held.server);
    let full = (key(&held.house, &held.grant, &held.server, "full"), charge("full", 1, 2));
    let signed = || SignedOff { id: approval.id.clone(), digest: [2; 32] };
    let (store, now) = (held.house.store.approving(), held.house.generation());
    let refused = store.call_begin_approved(intent.clone(), vec![full], now, signed()).await;
    assert!(matches!(refused, Err(BeginError::NoRoom(_))));
    let refused = store.call_begin_approved(intent, Vec::new(), now - 1, signed()).await;
    assert!(matches!(refused, Err(BeginError::StaleView)));
    assert_eq!(held.state(&approval.id).await, ApprovalState::Approved);
    held.house.clock.pass_seconds(1_800);
    assert!(matches!(held.begin(&approval.id, 2).await, Err(BeginError::NotApproved)), "too late");
    assert!(held.house.log().await.is_empty());
}

/// V06 and V07.
pub(crate) async fn nobody_decides_what_they_are_not_asked<S: Store>(house: House<S>) {
    let held = held(house).await;
    let house = &held.house;
    let owner = house.member("owner", Role::Admin).await;
    let viewer = house.member("viewer", Role::Viewer).await;
    let manager = house.member("manager", Role::PolicyManager).await;
    let admin = house.member("admin", Role::Admin).await;
    let group = house.store.group(&house.org, "finance").await.unwrap().unwrap();
    let everybody: Vec<MemberId> =
        [&held.finance, &owner, &viewer].iter().map(|m| m.id.clone()).collect();
    let by = house.by();
    house.store.group_update(&by, &group.id, None, "finance", everybody).await.unwrap();
    let approval = held.ask(1).await;
    let lines = house.audit().await.len();
    for (member, bar) in [
        (&owner, Bar::Owner),
        (&viewer, Bar::Viewer),
        (&manager, Bar::NotAsked),
        (&admin, Bar::NotAsked),
    ] {
        for approve in [true, false] {
            assert_eq!(barred(held.say(member, &approval, approve).await), bar, "{}", member.name);
        }
        let by = held.by(member);
        let opened = house.store.approval_open(&by, member.role, &approval.id).await;
        assert_eq!(barred(opened), bar, "{}", member.name);
    }
    // A proof that may do less than its member decides no more than it may.
    let word =
        || Word { approve: true, fingerprint: approval.fingerprint_shown(), note: String::new() };
    let weak = held.by(&held.finance);
    let refused = house.store.approval_decide(&weak, Role::Viewer, &approval.id, word()).await;
    assert_eq!(barred(refused), Bar::Viewer);
    let nobody = By { member: None, ..house.by() };
    let refused = house.store.approval_decide(&nobody, Role::Admin, &approval.id, word()).await;
    assert_eq!(barred(refused), Bar::NotAsked);
    let stranger = By { org: OrgId::from("org_elsewhere"), ..held.by(&held.finance) };
    let refused = house.store.approval_decide(&stranger, Role::Admin, &approval.id, word()).await;
    assert!(matches!(refused, Err(ChangeError::NotFound { .. })));
    assert_eq!(house.audit().await.len(), lines, "nothing was decided, nothing is recorded");

    let (_, asked) = house.store.approval(&house.org, approval.id.as_str()).await.unwrap().unwrap();
    let asked: Vec<_> = asked.iter().map(|a| (a.member.name.as_str(), a.bar)).collect();
    assert_eq!(
        asked,
        [("finance", None), ("owner", Some(Bar::Owner)), ("viewer", Some(Bar::Viewer))]
    );
    // Whoever answers for the agent that asks is its owner too.
    house.store.grant_hand_over(&house.by(), &held.grant.id, &held.finance.id).await.unwrap();
    assert_eq!(barred(held.say(&held.finance, &approval, true).await), Bar::Owner);
    house.store.grant_hand_over(&house.by(), &held.grant.id, &owner.id).await.unwrap();
    // Whoever was removed meanwhile decides nothing.
    house.store.member_remove(&house.by(), &held.finance.id, Vec::new()).await.unwrap();
    assert_eq!(barred(held.say(&held.finance, &approval, true).await), Bar::NotAsked);
    assert_eq!(held.state(&approval.id).await, ApprovalState::Pending);
}

/// V06, where the organisation is strict.
pub(crate) async fn a_strict_organisation_bars_issuer_and_editor_too<S: Store>(house: House<S>) {
    let held = held(house).await;
    let house = &held.house;
    let issuer = house.member("issuer", Role::Admin).await;
    let author = house.member("author", Role::Admin).await;
    let other = house.member("other", Role::Admin).await;
    let draft = grant_draft("h", &[&held.server.id]);
    let (grant, _) = house.store.grant_issue(&held.by(&issuer), draft).await.unwrap();
    let publish = async |member: &Member, text: String| {
        let by = held.by(member);
        let text = text.into_bytes();
        house.store.policy_publish(&by, &held.policy, text, None, "", None).await.unwrap().number
    };
    publish(&author, POLICY.replace("500", "400")).await;
    // Somebody publishes a version in which that rule reads as before.
    let judged =
        publish(&other, POLICY.replace("500", "400").replace(r#""deny""#, r#""allow""#)).await;
    let needs = vec![Held::<S>::need(&["role:admin"], 1)];
    let ask = ApprovalAsk {
        grant: grant.id.clone(),
        policy: (held.policy.clone(), judged),
        ..held.asking(1, needs)
    };
    let asked = house.store.approving().approval_ask(ask).await.unwrap();
    let Asked::Stands(approval) = asked else { panic!("{asked:?}") };
    let bar = async |member: &Member| {
        let store = &house.store;
        store.approval_bar(&house.org, &approval.id, &member.id, member.role).await.unwrap()
    };
    assert_eq!((bar(&issuer).await, bar(&author).await, bar(&other).await), (None, None, None));
    let set = house.store.approval_settings_set(&house.by(), Some(0), true, false).await.unwrap();
    assert!(set.strict && set.revision == 1);
    assert_eq!(bar(&issuer).await, Some(Bar::Issuer));
    assert_eq!(bar(&author).await, Some(Bar::Editor));
    assert_eq!(bar(&other).await, None);
    assert_eq!(barred(held.say(&issuer, &approval, true).await), Bar::Issuer);
    let stale = house.store.approval_settings_set(&house.by(), Some(0), false, false).await;
    assert!(matches!(stale, Err(ChangeError::Stale { .. })));
    held.say(&other, &approval, true).await.unwrap();
}

/// V06, of a policy that was made with its first version in one change, as applying files does.
pub(crate) async fn whoever_made_a_policy_with_its_rules_is_their_editor<S: Store>(
    house: House<S>,
) {
    let held = held(house).await;
    let (house, text) = (&held.house, || POLICY.as_bytes().to_vec());
    let author = house.member("author", Role::Admin).await;
    let other = house.member("other", Role::Admin).await;
    let (store, by) = (&house.store, held.by(&author));
    let made = store.policy_create_published(&by, "made", None, text(), None, "").await;
    let policy = made.unwrap().0.id;
    // Somebody publishes it once more: the rule reads as before.
    let by = held.by(&other);
    let judged = store.policy_publish(&by, &policy, text(), None, "", None).await.unwrap().number;
    let needs = vec![Held::<S>::need(&["role:admin"], 1)];
    let ask = ApprovalAsk { policy: (policy, judged), ..held.asking(1, needs) };
    let asked = store.approving().approval_ask(ask).await.unwrap();
    let Asked::Stands(approval) = asked else { panic!("{asked:?}") };
    store.approval_settings_set(&house.by(), Some(0), true, false).await.unwrap();
    let bar = async |member: &Member| {
        store.approval_bar(&house.org, &approval.id, &member.id, member.role).await.unwrap()
    };
    assert_eq!((bar(&author).await, bar(&other).await), (Some(Bar::Editor), None));
}

/// V08, and quorums.
pub(crate) async fn an_approval_is_decided_once_by_different_people<S: Store>(house: House<S>) {
    let held = held(house).await;
    let house = &held.house;
    let second = house.member("second", Role::PolicyManager).await;
    let third = house.member("third", Role::Admin).await;
    let both =
        vec![Held::<S>::need(&["role:policy_manager"], 2), Held::<S>::need(&["role:admin"], 1)];
    let approval = held.ask_for(1, both).await;
    let wrong = Word { approve: true, fingerprint: "00".repeat(32), note: String::new() };
    let by = held.by(&held.finance);
    let refused = house.store.approval_decide(&by, Role::PolicyManager, &approval.id, wrong).await;
    assert!(matches!(refused, Err(ChangeError::Conflict(_))), "another fingerprint");
    let told = held.say(&held.finance, &approval, true).await.unwrap();
    assert_eq!((told.state, told.given(0), told.given(1)), (ApprovalState::Pending, 1, 0));
    for approve in [true, false] {
        let twice = held.say(&held.finance, &approval, approve).await;
        assert!(matches!(twice, Err(ChangeError::Conflict(_))), "nobody speaks twice");
    }
    let told = held.say(&second, &approval, true).await.unwrap();
    assert_eq!(told.state, ApprovalState::Pending, "the other rule still asks an admin");
    let told = held.say(&third, &approval, true).await.unwrap();
    assert_eq!((told.state, told.given(0), told.given(1)), (ApprovalState::Approved, 3, 1));
    let late = house.member("late", Role::Admin).await;
    for approve in [true, false] {
        let refused = held.say(&late, &approval, approve).await;
        assert!(matches!(refused, Err(ChangeError::Conflict(_))), "one decision stands");
    }
    let newest = house.audit().await.into_iter().find(|e| e.event == "approval.approved").unwrap();
    assert_eq!(newest.subject, approval.id.as_str());
    assert_eq!(newest.member.as_ref(), Some(&third.id));
    assert_eq!(newest.address.as_deref(), Some("192.0.2.1"));
    for said in ["seen", RULE, "approved"] {
        assert!(newest.detail.contains(said), "{}", newest.detail);
    }
    assert!(!newest.detail.contains("planted"), "no value of an argument");
}

/// V07 for a quorum: whoever has left since does not complete it.
pub(crate) async fn a_yes_counts_as_long_as_it_could_still_be_given<S: Store>(house: House<S>) {
    let held = held(house).await;
    let house = &held.house;
    let second = house.member("second", Role::PolicyManager).await;
    let third = house.member("third", Role::PolicyManager).await;
    let two = || vec![Held::<S>::need(&["role:policy_manager"], 2)];
    let approval = held.ask_for(1, two()).await;
    held.say(&second, &approval, true).await.unwrap();
    house.store.member_remove(&house.by(), &second.id, Vec::new()).await.unwrap();
    let told = held.say(&third, &approval, true).await.unwrap();
    assert_eq!((told.state, told.given(0)), (ApprovalState::Pending, 1));
    let told = held.say(&held.finance, &approval, true).await.unwrap();
    assert_eq!((told.state, told.given(0)), (ApprovalState::Approved, 2));
    let asked_by = store::CallId(told.asked_by.0);
    let found = house.store.approval_of_call(&house.org, &asked_by).await.unwrap();
    assert_eq!(found.unwrap().id, approval.id);
    let (org, grant) = (&house.org, &held.grant.id);
    assert_eq!(house.store.approvals_waiting(org, grant).await.unwrap(), 0);
    held.ask(2).await;
    assert_eq!(house.store.approvals_waiting(org, grant).await.unwrap(), 1);
}

/// Whoever asks and takes back again and again cannot keep people busy for ever.
pub(crate) async fn a_grant_asks_so_often_an_hour_and_no_more<S: Store>(house: House<S>) {
    let held = held(house).await;
    let store = held.house.store.approving();
    let needs = || vec![Held::<S>::need(&["group:finance"], 1)];
    for number in 0..APPROVALS_MADE_PER_GRANT_HOUR_MAX {
        let mut ask = held.asking(0, needs());
        ask.digest[..4].copy_from_slice(&number.to_be_bytes());
        let Asked::Stands(made) = store.approval_ask(ask).await.unwrap() else {
            panic!("{number}")
        };
        store.approval_cancel(&held.house.org, &made.id).await.unwrap();
    }
    let beyond = store.approval_ask(held.asking(255, needs())).await.unwrap();
    assert!(matches!(beyond, Asked::TooMany));
    held.house.clock.pass_seconds(3_600);
    held.ask(255).await;
}

pub(crate) async fn an_ended_approval_tells_its_end_and_makes_room<S: Store>(house: House<S>) {
    let held = held(house).await;
    let denied = held.ask(1).await;
    held.say(&held.finance, &denied, false).await.unwrap();
    let again = held.ask(1).await;
    assert_eq!((&again.id, again.state), (&denied.id, ApprovalState::Denied), "no is no");
    assert_eq!(again.decisions[0].note, "seen");

    let late = held.ask(2).await;
    held.house.clock.pass_seconds(1_800);
    let told = held.ask(2).await;
    assert_eq!((&told.id, told.state), (&late.id, ApprovalState::Expired), "told once");
    assert_ne!(held.ask(2).await.id, late.id, "then asked anew");
    assert_ne!(held.ask(1).await.id, denied.id, "a no lasts as long as its approval would have");

    let store = held.house.store.approving();
    for digest in 10..10 + APPROVALS_PENDING_PER_GRANT_MAX as u8 - 2 {
        held.ask(digest).await;
    }
    let needs = || vec![Held::<S>::need(&["group:finance"], 1)];
    let beyond = store.approval_ask(held.asking(99, needs())).await.unwrap();
    assert!(matches!(beyond, Asked::TooMany));
    assert_eq!(held.ask(10).await.asked, 2, "a repeat still attaches");
    store.approval_cancel(&held.house.org, &held.ask(10).await.id).await.unwrap();
    let long = Secret::new(vec![b' '; APPROVAL_ARGUMENTS_BYTES_MAX + 1]);
    let long = ApprovalAsk { arguments: long, ..held.asking(99, needs()) };
    assert!(matches!(store.approval_ask(long).await.unwrap(), Asked::TooLong));
    held.ask(99).await;
}

/// V10: whoever looks at it later is not asked about what cannot happen any more.
pub(crate) async fn an_approval_falls_with_what_it_rests_on<S: Store>(house: House<S>) {
    let held = held(house).await;
    let house = &held.house;
    let mut changed = house.store.approving().approvals_changed();
    let swept = async |reason: &str, approval: Approval| {
        assert_eq!(house.store.approving().approvals_sweep().await.unwrap(), 1, "{reason}");
        let found = house.store.approval(&house.org, approval.id.as_str()).await.unwrap();
        let found = found.unwrap().0;
        assert_eq!((found.state, &*found.reason), (ApprovalState::Withdrawn, reason));
        let gone = house.store.approval_open(&held.by(&held.finance), Role::Admin, &found.id).await;
        assert!(matches!(gone, Err(ChangeError::Gone { .. })), "{reason}");
    };
    let stands = held.ask(1).await;
    assert_eq!(house.store.approving().approvals_sweep().await.unwrap(), 0);
    changed.mark_unchanged();
    let secret = Secret::new(b"Bearer x".to_vec());
    let headers = vec![("authorization".to_owned(), secret)];
    house.store.credential_set(&house.by(), &held.server.id, headers).await.unwrap();
    swept("credential_changed", stands).await;
    assert!(changed.has_changed().unwrap(), "whoever waits is told");

    house.store.credential_remove(&house.by(), &held.server.id).await.unwrap();
    let approved = held.approved(2).await;
    let text = POLICY.as_bytes().to_vec();
    house.store.policy_publish(&house.by(), &held.policy, text, None, "", None).await.unwrap();
    assert_eq!(held.state(&approved.id).await, ApprovalState::Approved);
    swept("policy_changed", approved).await;

    let needs = vec![Held::<S>::need(&["group:finance"], 1)];
    let ask = ApprovalAsk { policy: (held.policy.clone(), 2), ..held.asking(3, needs) };
    let Asked::Stands(last) = house.store.approving().approval_ask(ask).await.unwrap() else {
        panic!("asked")
    };
    house.store.grant_set_state(&house.by(), &held.grant.id, GrantState::Revoked).await.unwrap();
    swept("grant_revoked", *last).await;
}

pub(crate) async fn arguments_are_opened_for_those_who_decide_and_recorded<S: Store>(
    house: House<S>,
) {
    let held = held(house).await;
    let house = &held.house;
    let approval = held.ask(1).await;
    let by = held.by(&held.finance);
    let (_, opened) =
        house.store.approval_open(&by, held.finance.role, &approval.id).await.unwrap();
    assert_eq!(opened.expose(), ARGUMENTS.as_bytes());
    let line = house.audit().await.swap_remove(0);
    assert_eq!(
        (line.event.as_str(), line.subject.as_str()),
        ("approval.opened", approval.id.as_str())
    );
    assert_eq!(line.member.as_ref(), Some(&held.finance.id));
    assert!(!line.detail.contains("planted"));
    let withdrawn =
        house.store.approval_withdraw(&house.by(), &approval.id, "asked by mistake").await.unwrap();
    assert_eq!(withdrawn.state, ApprovalState::Withdrawn);
    for refused in [
        house.store.approval_open(&by, held.finance.role, &approval.id).await.map(|_| ()),
        house.store.approval_withdraw(&house.by(), &approval.id, "again").await.map(|_| ()),
        held.say(&held.finance, &approval, true).await.map(|_| ()),
    ] {
        let over = matches!(refused, Err(ChangeError::Gone { .. } | ChangeError::Conflict(_)));
        assert!(over, "{refused:?}");
    }
}
