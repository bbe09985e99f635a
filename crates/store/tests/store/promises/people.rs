//! Promises about members, groups, invitations, and keys that follow their member.

use store::{
    ChangeError, DraftText, Fate, GrantDraft, GrantState, GroupId, MemberChange, MemberDraft,
    MemberId, MemberState, OrgId, Role,
};

use super::{House, Store, grant_draft};

fn draft(email: &str, role: Role) -> MemberDraft {
    MemberDraft { email: email.to_owned(), name: "Somebody".to_owned(), role }
}

fn role(role: Role) -> MemberChange {
    MemberChange { role: Some(role), ..MemberChange::default() }
}

pub(crate) async fn an_address_is_one_person_whatever_its_case<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let ada = store.member_add(&by, draft("Ada@Example.org", Role::Viewer)).await.unwrap();
    assert_eq!((ada.email.as_str(), ada.state), ("Ada@Example.org", MemberState::Active));
    for email in ["ada@example.org", "ADA@EXAMPLE.ORG"] {
        let found = store.member_by_email(&house.org, email).await.unwrap();
        assert_eq!(found, Some(ada.clone()), "{email}");
        let again = store.member_add(&by, draft(email, Role::Admin)).await.unwrap_err();
        assert!(matches!(again, ChangeError::Taken { what: "member", .. }), "{again}");
    }
    assert_eq!(store.member_by_email(&house.org, ada.id.as_str()).await.unwrap(), None);
    let next = OrgId::from("org_next");
    assert_eq!(store.member(&next, ada.id.as_str()).await.unwrap(), None);
    assert!(store.members(&next).await.unwrap().is_empty());
    for bad in ["", "ada", "a@b@c", "ada @b", "ädä@b"] {
        assert!(store.member_add(&by, draft(bad, Role::Viewer)).await.is_err(), "{bad}");
    }
}

pub(crate) async fn an_invitation_lets_one_person_in_once<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let (at, ends) = (by.at, by.at.plus_seconds(3_600));
    let (eve, first) = store.member_invite(&by, draft("eve@b", Role::Admin), ends).await.unwrap();
    assert_eq!(eve.state, MemberState::Invited);
    let key = store.api_key_create(&by, &eve.id, "k", Role::Viewer, None).await;
    assert!(matches!(key.unwrap_err(), ChangeError::Conflict(_)), "invited people have no keys");

    // A new link ends the old one.
    let (_, token) = store.member_reinvite(&by, &eve.id, ends).await.unwrap();
    assert!(store.invite_of(&first, at).await.unwrap().is_none());
    assert_eq!(store.invite_of(&token, at).await.unwrap().unwrap().member.id, eve.id);
    for (link, moment) in [(&first, at), (&token, ends)] {
        let refused = store.invite_accept(link, None, None, moment).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Gone { .. }), "{refused}");
    }
    let address = Some("192.0.2.7".to_owned());
    let inside = store.invite_accept(&token, Some("Eve"), address, at).await.unwrap();
    assert_eq!((inside.state, inside.name.as_str()), (MemberState::Active, "Eve"));
    let event = house.audit().await.remove(0);
    assert_eq!(event.event, "member.accepted");
    assert_eq!((event.member, event.address.as_deref()), (Some(eve.id.clone()), Some("192.0.2.7")));

    let again = store.invite_accept(&token, None, None, at).await.unwrap_err();
    assert!(matches!(again, ChangeError::Gone { .. }), "{again}");
    let late = store.member_reinvite(&by, &eve.id, ends).await.unwrap_err();
    assert!(matches!(late, ChangeError::Conflict(_)), "{late}");
    for bad in [at, at.plus_seconds(31 * 86_400)] {
        assert!(store.member_invite(&by, draft("x@b", Role::Viewer), bad).await.is_err());
    }
}

pub(crate) async fn the_last_admin_is_neither_lowered_nor_removed<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let ada = house.member("ada", Role::Admin).await;
    let invited = draft("late@b", Role::Admin);
    store.member_invite(&by, invited, by.at.plus_seconds(60)).await.unwrap();
    let lowered = store.member_update(&by, &ada.id, None, role(Role::Viewer)).await.unwrap_err();
    assert!(matches!(lowered, ChangeError::LastAdmin(_)), "{lowered}");
    let removed = store.member_remove(&by, &ada.id, vec![]).await.unwrap_err();
    assert!(matches!(removed, ChangeError::LastAdmin(_)), "{removed}");

    let bob = house.member("bob", Role::Admin).await;
    store.member_update(&by, &ada.id, None, role(Role::Viewer)).await.unwrap();
    assert!(store.member_remove(&by, &bob.id, vec![]).await.is_err(), "now bob is the last one");
    store.member_remove(&by, &ada.id, vec![]).await.unwrap();
}

pub(crate) async fn a_key_may_what_its_member_may_at_every_use<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    house.member("root", Role::Admin).await;
    let ada = house.member("ada", Role::Admin).await;
    let vic = house.member("vic", Role::Viewer).await;
    let above = store.api_key_create(&by, &vic.id, "k", Role::PolicyManager, None).await;
    assert!(matches!(above.unwrap_err(), ChangeError::Invalid { field: "role", .. }));
    let (_, token) = store.api_key_create(&by, &ada.id, "k", Role::Admin, None).await.unwrap();
    let may = async || store.api_key_of(&token, by.at).await.unwrap().map(|h| h.role());
    assert_eq!(may().await, Some(Role::Admin));
    store.member_update(&by, &ada.id, None, role(Role::Viewer)).await.unwrap();
    assert_eq!(may().await, Some(Role::Viewer));
    // What a key lost it does not get back with its member's next rise.
    store.member_update(&by, &ada.id, None, role(Role::Admin)).await.unwrap();
    assert_eq!(may().await, Some(Role::Viewer));
    store.member_remove(&by, &ada.id, vec![]).await.unwrap();
    assert_eq!(may().await, None);
    let keys = store.api_keys(&house.org).await.unwrap();
    assert!(keys.iter().find(|k| k.member == ada.id).unwrap().revoked_at.is_some());
}

pub(crate) async fn a_removed_member_is_over_and_the_address_free<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let ada = house.member("ada", Role::Viewer).await;
    let group = store.group_create(&by, "finance", vec![ada.id.clone()]).await.unwrap();
    let gone = store.member_remove(&by, &ada.id, vec![]).await.unwrap();
    assert_eq!(gone.state, MemberState::Removed);
    assert!(store.group(&house.org, group.id.as_str()).await.unwrap().unwrap().members.is_empty());
    assert!(store.member_update(&by, &ada.id, None, role(Role::Admin)).await.is_err());
    assert!(store.member_remove(&by, &ada.id, vec![]).await.is_err());
    assert_eq!(store.member_by_email(&house.org, "ada@example.org").await.unwrap(), None);
    let again = house.member("ada", Role::Viewer).await;
    assert_ne!(again.id, ada.id);
    let ghost = MemberId::from("mem_ghost");
    let missing = store.member_remove(&by, &ghost, vec![]).await.unwrap_err();
    assert!(matches!(missing, ChangeError::NotFound { what: "member", .. }), "{missing}");
}

pub(crate) async fn a_member_that_was_changed_meanwhile_is_not_overwritten<S: Store>(
    house: House<S>,
) {
    let (store, by, ada) = (&house.store, house.by(), house.member("ada", Role::Viewer).await);
    let named = MemberChange { name: Some("Ada L".to_owned()), ..MemberChange::default() };
    let changed = store.member_update(&by, &ada.id, Some(1), named.clone()).await.unwrap();
    assert_eq!((changed.revision, changed.name.as_str()), (2, "Ada L"));
    let stale = store.member_update(&by, &ada.id, Some(1), role(Role::Admin)).await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { what: "member", current: 2 }), "{stale}");
    // The same once more changes nothing, and is no event.
    let lines = house.audit().await.len();
    assert_eq!(store.member_update(&by, &ada.id, Some(2), named).await.unwrap().revision, 2);
    assert_eq!(house.audit().await.len(), lines);
}

pub(crate) async fn a_group_holds_members_each_once<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let (ada, bob) =
        (house.member("ada", Role::Viewer).await, house.member("bob", Role::Viewer).await);
    let twice = vec![bob.id.clone(), ada.id.clone(), bob.id.clone()];
    let group = store.group_create(&by, "finance", twice).await.unwrap();
    assert_eq!(group.members.len(), 2);
    assert_eq!(store.group(&house.org, "finance").await.unwrap(), Some(group.clone()));
    assert_eq!(store.group(&OrgId::from("org_next"), "finance").await.unwrap(), None);
    let taken = store.group_create(&by, "finance", vec![]).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { what: "group", .. }), "{taken}");
    let ghost = store.group_create(&by, "x", vec![MemberId::from("mem_ghost")]).await.unwrap_err();
    assert!(matches!(ghost, ChangeError::NotFound { what: "member", .. }), "{ghost}");

    let one = vec![ada.id.clone()];
    let changed = store.group_update(&by, &group.id, Some(1), "money", one.clone()).await.unwrap();
    assert_eq!((changed.revision, changed.name.as_str(), &changed.members), (2, "money", &one));
    let stale = store.group_update(&by, &group.id, Some(1), "money", vec![]).await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { what: "group", current: 2 }), "{stale}");
    store.group_delete(&by, &group.id).await.unwrap();
    assert!(store.groups(&house.org).await.unwrap().is_empty());
    let missing = store.group_delete(&by, &GroupId::from("grp_x")).await.unwrap_err();
    assert!(matches!(missing, ChangeError::NotFound { what: "group", .. }), "{missing}");
}

pub(crate) async fn a_member_goes_only_when_each_of_their_grants_is_decided<S: Store>(
    house: House<S>,
) {
    let (store, by, server) = (&house.store, house.by(), house.server("s").await);
    let (ada, bob) =
        (house.member("ada", Role::Viewer).await, house.member("bob", Role::Viewer).await);
    let issue = async |label: &str, identity: &str, owner: &MemberId| {
        let (identity, owner) = (identity.to_owned(), Some(owner.clone()));
        let draft = GrantDraft { identity, owner, ..grant_draft(label, &[&server.id]) };
        store.grant_issue(&by, draft).await.map(|(grant, _)| grant.id)
    };
    let own = issue("own", "ada@example.org", &ada.id).await.unwrap();
    let bot = issue("bot", "invoice-bot", &ada.id).await.unwrap();
    let twin = issue("twin", "invoice-bot", &ada.id).await.unwrap();
    let taken = issue("stolen", "invoice-bot", &bob.id).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { what: "agent", .. }), "{taken}");
    let others = issue("others", "bob@example.org", &bob.id).await.unwrap();

    let keep = || Fate::Keep(bob.id.clone());
    let undecided = store.member_remove(&by, &ada.id, vec![(own.clone(), keep())]).await;
    let Err(ChangeError::Undecided(open)) = undecided else { panic!("{undecided:?}") };
    assert_eq!(open.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&bot, &twin]);
    let torn = vec![(own.clone(), Fate::Revoke), (bot.clone(), keep()), (others, Fate::Revoke)];
    assert!(store.member_remove(&by, &ada.id, torn).await.is_err(), "a grant of somebody else");
    let stays = vec![
        (own.clone(), Fate::Keep(ada.id.clone())),
        (bot.clone(), Fate::Revoke),
        (twin.clone(), Fate::Revoke),
    ];
    assert!(store.member_remove(&by, &ada.id, stays).await.is_err(), "nothing stays with them");
    let lines = house.audit().await.len();
    let all = vec![(own.clone(), keep()), (bot.clone(), keep()), (twin.clone(), Fate::Revoke)];
    store.member_remove(&by, &ada.id, all).await.unwrap();
    assert_eq!(house.audit().await.len(), lines + 1, "one step, one line");
    let found = async |id: &store::GrantId| {
        let grant = store.grant(&house.org, id.as_str()).await.unwrap().unwrap();
        (grant.state, grant.identity, grant.owner)
    };
    let bobs = Some(bob.id.clone());
    let active = GrantState::Active;
    assert_eq!(found(&own).await, (active, "bob@example.org".to_owned(), bobs.clone()));
    assert_eq!(found(&bot).await, (active, "invoice-bot".to_owned(), bobs));
    assert_eq!(found(&twin).await.0, GrantState::Revoked);
    // Calls are judged by what stands now: the rows are whole.
    assert_eq!(store.view().await.unwrap().forged, 0);
}

pub(crate) async fn an_agent_is_handed_over_with_all_its_grants<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("s").await);
    let (ada, bob) =
        (house.member("ada", Role::Viewer).await, house.member("bob", Role::Viewer).await);
    let mut made = vec![];
    for label in ["one", "two"] {
        let (identity, owner) = ("bot".to_owned(), Some(ada.id.clone()));
        let draft = GrantDraft { identity, owner, ..grant_draft(label, &[&server.id]) };
        made.push(store.grant_issue(&by, draft).await.unwrap().0.id);
    }
    store.grant_hand_over(&by, &made[0], &bob.id).await.unwrap();
    for id in &made {
        let grant = store.grant(&house.org, id.as_str()).await.unwrap().unwrap();
        assert_eq!((grant.owner, grant.revision), (Some(bob.id.clone()), 2));
    }
    let ghost = store.grant_hand_over(&by, &made[0], &MemberId::from("mem_x")).await.unwrap_err();
    assert!(matches!(ghost, ChangeError::NotFound { what: "member", .. }), "{ghost}");
}

pub(crate) async fn two_editors_of_a_draft_do_not_overwrite_each_other<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let policy = house.policy("p", "{\"n\":1}").await;
    let text = |text: &str| DraftText {
        text: text.as_bytes().to_vec(),
        cases: None,
        note: "why".to_owned(),
    };
    let put = |revision, of| store.policy_draft_put(&by, &policy, revision, of);
    let first = put(0, text("{\"n\":2}")).await.unwrap();
    assert_eq!((first.base, first.author.as_str()), (1, "alice"));
    for late in [0, first.revision + 1] {
        let stale = put(late, text("mine")).await.unwrap_err();
        assert!(matches!(stale, ChangeError::Stale { what: "draft", .. }), "{stale}");
    }
    let second = put(first.revision, text("{\"n\":3}")).await.unwrap();
    assert!(store.policy_draft_drop(&by, &policy, first.revision).await.is_err());
    let early = store.policy_draft_publish(&by, &policy, first.revision, "").await;
    assert!(matches!(early.unwrap_err(), ChangeError::Stale { what: "draft", .. }));
    let lines = house.audit().await.len();
    let version = store.policy_draft_publish(&by, &policy, second.revision, "go").await.unwrap();
    assert_eq!((version.number, &*version.text), (2, &b"{\"n\":3}"[..]));
    assert_eq!(house.audit().await.len(), lines + 1);
    assert!(store.policy_draft(&house.org, &policy).await.unwrap().is_none());

    // A draft that was begun before somebody published does not bury what they did.
    let later = store::By { at: by.at.plus_seconds(1), ..by.clone() };
    let third = store.policy_draft_put(&later, &policy, 0, text("{\"n\":4}")).await.unwrap();
    assert_ne!(third.revision, first.revision);
    store.policy_publish(&by, &policy, b"{}".to_vec(), None, "", None).await.unwrap();
    let buried = store.policy_draft_publish(&by, &policy, third.revision, "").await;
    assert!(matches!(buried.unwrap_err(), ChangeError::Stale { what: "policy", current: 3 }));
    assert!(store.policy_draft(&house.org, &policy).await.unwrap().is_some(), "no text is lost");
    let other = store::OrgId::from("org_next");
    assert!(store.policy_draft(&other, &policy).await.unwrap().is_none());
}

/// A role is checked when a request begins, and again in the transaction of its change.
pub(crate) async fn who_lost_their_right_since_they_asked_changes_nothing<S: Store>(
    house: House<S>,
) {
    let (store, by) = (&house.store, house.by());
    house.admin_key("root").await;
    let opened = |at| store::SessionDraft {
        method: store::SignInMethod::Password,
        proved_at: at,
        agent: None,
        replaces: None,
    };
    for (number, ends) in ["removed", "lowered", "key revoked", "signed out"].iter().enumerate() {
        let name = format!("eve{number}");
        let eve = house.member(&name, Role::Admin).await;
        let key = store.api_key_create(&by, &eve.id, &name, Role::Admin, None).await.unwrap().0;
        let session = store.session_open(&by, &eve.id, opened(by.at)).await.unwrap().0;
        let asked =
            store::By { member: Some(eve.id.clone()), role: Some(Role::Admin), ..by.clone() };
        let with_key = store::By { key: Some(key.id.clone()), ..asked.clone() };
        let signed_in = store::By { session: Some(session.id.clone()), ..asked.clone() };
        for (way, by) in [&with_key, &signed_in].into_iter().enumerate() {
            store.group_create(by, &format!("before-{number}-{way}"), vec![]).await.unwrap();
        }
        match *ends {
            "removed" => drop(store.member_remove(&by, &eve.id, vec![]).await.unwrap()),
            "lowered" => {
                let lower = role(Role::PolicyManager);
                drop(store.member_update(&by, &eve.id, None, lower).await.unwrap());
            }
            "key revoked" => store.api_key_revoke(&by, &key.id).await.unwrap(),
            _ => drop(store.sessions_close(&by, &eve.id).await.unwrap()),
        }
        let lines = house.audit().await.len();
        let lost = [*ends != "signed out", *ends != "key revoked"];
        for (by, lost) in [&with_key, &signed_in].into_iter().zip(lost) {
            let made = store.group_create(by, &format!("after-{number}"), vec![]).await;
            if lost {
                let refused = made.unwrap_err();
                assert!(matches!(refused, ChangeError::RightEnded), "{ends}: {refused}");
            } else {
                made.unwrap();
            }
        }
        let left = lost.iter().filter(|lost| !**lost).count();
        assert_eq!(house.audit().await.len(), lines + left, "{ends}");
    }
    // Proofs of others, made-up ones, and none at all.
    let eve = house.member("eve", Role::Admin).await;
    let (key, _) = house.admin_key("ada").await;
    let asked = store::By { member: Some(eve.id.clone()), role: Some(Role::Viewer), ..by.clone() };
    for by in [
        asked.clone(),
        store::By { key: Some(key.id), ..asked.clone() },
        store::By { key: Some(store::KeyId::from("key_none")), ..asked.clone() },
        store::By { session: Some(store::SessionId::from("ses_none")), ..asked },
    ] {
        let refused = store.group_create(&by, "g", vec![]).await.unwrap_err();
        assert!(matches!(refused, ChangeError::RightEnded), "{refused}");
    }
    let page = store::Page { after: None, limit: 500 };
    let refusals = store.refusals(&house.org, &page).await.unwrap().items;
    let ended: u32 =
        refusals.iter().filter(|line| line.reason == "right_ended").map(|line| line.count).sum();
    assert_eq!(ended, 6 + 4, "{refusals:?}");
}
