//! Promises about servers, tools, credentials, policies, grants and API keys.

use std::collections::HashSet;

use store::{
    Attachment, ChangeError, CredentialId, FoundTool, GrantState, Moment, OnToolChange, OrgId,
    PolicyId, Role, ServerDraft, ServerId, View,
};
use vault::{Place, Secret, TokenKind};

use super::{House, Store, grant_draft, server_draft};

async fn view<S: Store>(house: &House<S>) -> View {
    house.store.view().await.unwrap()
}

pub(crate) async fn a_fresh_store_holds_nothing_and_knows_its_generation<S: Store>(
    house: House<S>,
) {
    let view = view(&house).await;
    assert_eq!(view.generation, house.generation());
    assert!(view.grants.is_empty() && view.servers.is_empty() && view.policies.is_empty());
    assert_eq!(view.forged, 0);
    assert!(house.log().await.is_empty() && house.audit().await.is_empty());
}

pub(crate) async fn an_api_key_opens_until_the_moment_it_ends<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let ends = by.at.plus_seconds(60);
    let (_, first) = house.admin_key("admin").await;
    let ada = house.member("ada", Role::Viewer).await.id;
    let (key, token) =
        store.api_key_create(&by, &ada, "ci", Role::Viewer, Some(ends)).await.unwrap();
    assert_eq!(token.kind(), TokenKind::ApiKey);

    let found = store.api_key_of(&token, by.at).await.unwrap().unwrap();
    assert_eq!((found.member.id.clone(), found.role()), (ada, Role::Viewer));
    assert_eq!((found.key.id, found.key.label.as_str()), (key.id, "ci"));
    let before = Moment::of_micros(ends.micros() - 1);
    assert!(store.api_key_of(&token, before).await.unwrap().is_some());
    assert!(store.api_key_of(&token, ends).await.unwrap().is_none());
    assert_eq!(store.api_key_of(&first, ends).await.unwrap().unwrap().role(), Role::Admin);
    assert_eq!(store.api_keys(&house.org).await.unwrap().len(), 2);
    assert!(store.api_keys(&OrgId::from("org_other")).await.unwrap().is_empty());
}

pub(crate) async fn a_token_that_was_never_given_out_is_no_key<S: Store>(house: House<S>) {
    let server = house.server("s").await;
    let (_, grant) = house.grant("g", &[&server.id]).await;
    let made_up = vault::Token::mint(TokenKind::ApiKey, &vault::OsRandom).unwrap();
    for token in [grant, made_up] {
        assert!(house.store.api_key_of(&token, house.by().at).await.unwrap().is_none());
    }
}

pub(crate) async fn the_last_admin_key_cannot_be_revoked<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let (admin, token) = house.admin_key("a").await;
    store.api_key_create(&by, &admin.member, "v", Role::Viewer, None).await.unwrap();
    let refused = store.api_key_revoke(&by, &admin.id).await.unwrap_err();
    assert!(matches!(refused, ChangeError::LastAdmin(_)), "{refused}");
    house.admin_key("b").await;
    store.api_key_revoke(&by, &admin.id).await.unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_none());
}

pub(crate) async fn a_server_is_found_by_id_and_slug_in_its_own_organisation<S: Store>(
    house: House<S>,
) {
    let (store, server) = (&house.store, house.server("payments").await);
    for id in [server.id.as_str(), "payments"] {
        let found = store.server(&house.org, id).await.unwrap().unwrap().server;
        assert_eq!(found.id, server.id);
        assert_eq!(found.private_targets, ["10.0.0.1:443"]);
        assert!(store.server(&OrgId::from("org_other"), id).await.unwrap().is_none());
    }
    assert!(store.server(&house.org, "pay").await.unwrap().is_none());
    let taken = store.server_create(&house.by(), server_draft("payments")).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { what: "server", .. }), "{taken}");
}

pub(crate) async fn a_server_that_was_changed_meanwhile_is_not_overwritten<S: Store>(
    house: House<S>,
) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    house.server("b").await;
    let renamed = ServerDraft { name: "New".to_owned(), ..server_draft("a") };
    let changed = store.server_update(&by, &server.id, Some(1), renamed.clone()).await.unwrap();
    assert_eq!((changed.revision, changed.name.as_str()), (2, "New"));
    let stale = store.server_update(&by, &server.id, Some(1), renamed.clone()).await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { current: 2, .. }), "{stale}");
    let taken = store.server_update(&by, &server.id, None, server_draft("b")).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { .. }), "{taken}");
    let ghost = ServerId::from("srv_ghost");
    let missing = store.server_update(&by, &ghost, None, renamed).await.unwrap_err();
    assert!(matches!(missing, ChangeError::NotFound { what: "server", .. }), "{missing}");
}

pub(crate) async fn a_server_that_moves_loses_its_credential<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let secret = || vec![("Authorization".to_owned(), Secret::from("Bearer x".to_owned()))];
    store.credential_set(&by, &server.id, secret()).await.unwrap();
    store.server_update(&by, &server.id, None, server_draft("a")).await.unwrap();
    assert!(store.server(&house.org, "a").await.unwrap().unwrap().credential.is_some());
    let moved = ServerDraft { url: "https://elsewhere.example/".to_owned(), ..server_draft("a") };
    store.server_update(&by, &server.id, None, moved).await.unwrap();
    assert!(store.server(&house.org, "a").await.unwrap().unwrap().credential.is_none());
    assert!(view(&house).await.servers[0].credential.is_none());
}

pub(crate) async fn a_server_that_a_grant_uses_stays<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let named = store.policy_create(&by, "for a", Some(server.id.clone())).await.unwrap();
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let used = store.server_delete(&by, &server.id).await.unwrap_err();
    assert!(matches!(used, ChangeError::Conflict(_)), "{used}");
    store.grant_set_state(&by, &grant.id, GrantState::Revoked).await.unwrap();
    store.server_delete(&by, &server.id).await.unwrap();
    assert!(store.server(&house.org, "a").await.unwrap().is_none());
    assert_eq!(store.policy(&house.org, "for a").await.unwrap().unwrap().server, None);
    let gone = store.server_delete(&by, &server.id).await.unwrap_err();
    assert!(matches!(gone, ChangeError::NotFound { .. }), "{gone}");
    assert!(store.policy(&house.org, named.id.as_str()).await.unwrap().is_some());
}

fn tool(name: &str, fingerprint: &str) -> FoundTool {
    FoundTool {
        name: name.to_owned(),
        definition: format!("{{\"name\":\"{name}\",\"v\":\"{fingerprint}\"}}").into_bytes(),
        fingerprint: fingerprint.to_owned(),
        withheld: None,
        hidden_text: false,
    }
}

pub(crate) async fn tools_are_accepted_at_registration_and_by_people_afterwards<S: Store>(
    house: House<S>,
) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let find = async |tools: Vec<FoundTool>, new: bool| {
        let version = Some("2025-11-25".to_owned());
        let found = store.server_found(&server.id, version, "ok".into(), Some(tools), new, by.at);
        found.await.unwrap();
        store.server(&house.org, "a").await.unwrap().unwrap()
    };
    let spoiled = FoundTool { withheld: Some("bad schema".into()), ..tool("bad", "f0") };
    let unseen = FoundTool { hidden_text: true, ..tool("unseen", "f1") };
    let seen = find(vec![tool("one", "f1"), tool("two", "f1"), spoiled, unseen], true).await;
    assert_eq!(seen.server.version.as_deref(), Some("2025-11-25"));
    let accepted = |v: &store::ServerView, name: &str| {
        let tool = v.tools.iter().find(|t| t.name == name).unwrap();
        tool.accepted.as_ref().map(|(_, f)| f.to_string())
    };
    assert_eq!(accepted(&seen, "one").as_deref(), Some("f1"));
    assert_eq!(accepted(&seen, "bad"), None);
    // What holds text that nobody sees waits for a person, at the first look as well.
    assert_eq!(accepted(&seen, "unseen"), None);

    // `one` changes, `two` goes, `three` is new.
    let seen = find(vec![tool("one", "f2"), tool("three", "f1")], false).await;
    assert_eq!(accepted(&seen, "one").as_deref(), Some("f1"));
    assert_eq!(accepted(&seen, "three"), None);
    let one = seen.tools.iter().find(|t| t.name == "one").unwrap();
    assert_eq!(&*one.fingerprint, "f2");
    let present: Vec<_> = seen.tools.iter().filter(|t| t.present).map(|t| &t.name).collect();
    assert_eq!(present, ["one", "three"]);

    let stale = store.tool_accept(&by, &server.id, "one", "f1").await.unwrap_err();
    assert!(matches!(stale, ChangeError::Conflict(_)), "{stale}");
    let none = store.tool_accept(&by, &server.id, "ghost", "f1").await.unwrap_err();
    assert!(matches!(none, ChangeError::NotFound { what: "tool", .. }), "{none}");
    let tool = store.tool_accept(&by, &server.id, "one", "f2").await.unwrap();
    assert_eq!(tool.accepted.unwrap().0, tool.definition);
}

pub(crate) async fn a_tool_that_is_listed_twice_is_withheld<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let tools = Some(vec![tool("one", "f1"), tool("one", "f2")]);
    let store = &house.store;
    store.server_found(&server.id, None, "ok".into(), tools, true, house.by().at).await.unwrap();
    let tools = store.server(&house.org, "a").await.unwrap().unwrap().tools;
    assert_eq!(tools.len(), 1);
    assert!(tools[0].withheld.is_some() && tools[0].accepted.is_none());
}

pub(crate) async fn a_credential_opens_at_its_own_place_only<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let set = |value: &str| {
        let value = Secret::from(value.to_owned());
        store.credential_set(&by, &server.id, vec![("X-Api-Key".to_owned(), value)])
    };
    let old = set("first").await.unwrap();
    let new = set("second").await.unwrap();
    assert_eq!((old.generation, new.generation), (1, 2));
    assert_eq!(old.id, new.id);
    let open = |id: &CredentialId, generation: u64, blob: &[u8]| {
        let (org, record) = (house.org.as_str(), id.as_str());
        let field = "x-api-key";
        let place = Place { org, table: "credentials", record, field, generation };
        store.keyring().open(&place, blob).map(|s| s.expose().to_vec())
    };
    let kept = store.server(&house.org, "a").await.unwrap().unwrap().credential.unwrap();
    assert_eq!(open(&kept.id, 2, &kept.headers[0].1).unwrap(), b"second");
    assert!(open(&kept.id, 2, &old.headers[0].1).is_err(), "an older value put back");
    assert!(open(&CredentialId::from("crd_x"), 2, &kept.headers[0].1).is_err(), "moved");
    store.credential_remove(&by, &server.id).await.unwrap();
    assert!(store.server(&house.org, "a").await.unwrap().unwrap().credential.is_none());
    let none = store.credential_remove(&by, &server.id).await.unwrap_err();
    assert!(matches!(none, ChangeError::NotFound { .. }), "{none}");
}

pub(crate) async fn a_credential_cannot_name_headers_of_the_message<S: Store>(house: House<S>) {
    let (by, server) = (house.by(), house.server("a").await);
    for (name, value) in [("Host", "x"), ("a b", "x"), ("a", "x\r\ny"), ("", "x"), ("a", "")] {
        let headers = vec![(name.to_owned(), Secret::from(value.to_owned()))];
        let bad = house.store.credential_set(&by, &server.id, headers).await.unwrap_err();
        assert!(matches!(bad, ChangeError::Invalid { field: "headers", .. }), "{name}: {bad}");
    }
}

pub(crate) async fn versions_of_a_policy_are_numbered_and_never_change<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let policy = store.policy_create(&by, "support", None).await.unwrap();
    assert_eq!(policy.latest, 0);
    let publish = |text: &str, expected| {
        let (text, cases) = (text.as_bytes().to_vec(), Some(b"[]".to_vec()));
        store.policy_publish(&by, &policy.id, text, cases, "why", expected)
    };
    assert_eq!(publish("{\"a\":1}", None).await.unwrap().number, 1);
    assert_eq!(publish("{\"a\":2}", Some(1)).await.unwrap().number, 2);
    let stale = publish("{\"a\":3}", Some(1)).await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { what: "policy", current: 2 }), "{stale}");
    let versions = store.policy_versions(&house.org, &policy.id).await.unwrap();
    let lines: Vec<_> = versions.iter().map(|v| (v.number, v.author.as_str())).collect();
    assert_eq!(lines, [(2, "alice"), (1, "alice")]);
    for (number, text) in [(1, &b"{\"a\":1}"[..]), (2, b"{\"a\":2}")] {
        let version = store.policy_version(&house.org, &policy.id, number).await.unwrap();
        assert_eq!(&*version.unwrap().text, text);
    }
    assert!(store.policy_version(&house.org, &policy.id, 3).await.unwrap().is_none());
    let taken = store.policy_create(&by, "support", None).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { .. }), "{taken}");
    assert!(store.policy(&OrgId::from("org_other"), "support").await.unwrap().is_none());
}

pub(crate) async fn a_policy_that_a_grant_uses_stays<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let policy = house.policy("p", "{}").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    store.grant_attach(&by, &grant.id, &server.id, Some(policy.clone())).await.unwrap();
    assert_eq!(store.policy(&house.org, "p").await.unwrap().unwrap().attached, 1);
    let used = store.policy_delete(&by, &policy).await.unwrap_err();
    assert!(matches!(used, ChangeError::Conflict(_)), "{used}");
    store.grant_set_state(&by, &grant.id, GrantState::Revoked).await.unwrap();
    store.policy_delete(&by, &policy).await.unwrap();
    assert!(store.policy(&house.org, "p").await.unwrap().is_none());
    assert!(store.policy_versions(&house.org, &policy).await.unwrap().is_empty());
}

pub(crate) async fn the_view_holds_what_calls_are_judged_by<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let (server, spare) = (house.server("a").await, house.server("b").await);
    let policy = house.policy("used", "{\"n\":1}").await;
    house.policy("unused", "{\"n\":2}").await;
    let (grant, token) = house.grant("g", &[&server.id, &spare.id]).await;
    let (gone, _) = house.grant("gone", &[&server.id]).await;
    store.grant_attach(&by, &grant.id, &server.id, Some(policy.clone())).await.unwrap();
    store.policy_publish(&by, &policy, b"{\"n\":3}".to_vec(), None, "", None).await.unwrap();
    store.grant_set_state(&by, &gone.id, GrantState::Revoked).await.unwrap();

    let view = view(&house).await;
    assert_eq!(view.generation, house.generation());
    assert_eq!(view.grants.len(), 1);
    let (kept, tokens) = &view.grants[0];
    assert_eq!(kept.id, grant.id);
    let attached = Attachment { server: server.id.clone(), policy: Some(policy.clone()) };
    assert_eq!(kept.servers, [attached, Attachment { server: spare.id.clone(), policy: None }]);
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].token_id, token.id().as_str());
    assert_eq!(tokens[0].hash, token.hash(&house.pepper), "all 32 bytes of the keyed hash");
    assert_eq!(view.policies.len(), 1);
    assert_eq!((&*view.policies[0].text, view.policies[0].number), (&b"{\"n\":3}"[..], 2));
    assert_eq!(view.servers.len(), 2);
    assert_eq!(view.forged, 0);
}

pub(crate) async fn a_rotated_token_lives_through_its_overlap<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, first) = house.grant("g", &[&server.id]).await;
    let start = house.by().at;
    let (rotated, second) = store.grant_rotate(&house.by(), &grant.id, 600).await.unwrap();
    assert_eq!(rotated.generation, 2);
    house.clock.pass_seconds(60);
    // The second rotation asks for longer: the first token does not live longer for that.
    let (_, third) = store.grant_rotate(&house.by(), &grant.id, 3_600).await.unwrap();
    let tokens = view(&house).await.grants.remove(0).1;
    let lives: Vec<_> =
        tokens.iter().map(|t| (t.generation, t.token_id.as_str(), t.valid_until)).collect();
    let expected = [
        (1, first.id(), Some(start.plus_seconds(600))),
        (2, second.id(), Some(start.plus_seconds(3_660))),
        (3, third.id(), None),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(g, id, until)| (*g, id.as_str(), *until)).collect();
    assert_eq!(lives, expected);

    // With no overlap the older ones are over at once.
    let (_, last) = store.grant_rotate(&house.by(), &grant.id, 0).await.unwrap();
    let tokens = view(&house).await.grants.remove(0).1;
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].token_id, last.id().as_str());
    for seconds in [-1, 86_401] {
        let bad = store.grant_rotate(&house.by(), &grant.id, seconds).await.unwrap_err();
        assert!(matches!(bad, ChangeError::Invalid { field: "overlap_seconds", .. }), "{bad}");
    }
}

pub(crate) async fn a_revoked_grant_is_over_for_good<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    for state in [GrantState::Paused, GrantState::Active, GrantState::Revoked] {
        let changed = store.grant_set_state(&by, &grant.id, state).await.unwrap();
        assert_eq!(changed.state, state);
        assert_eq!(view(&house).await.grants.len(), usize::from(state != GrantState::Revoked));
    }
    for state in [GrantState::Active, GrantState::Paused] {
        let over = store.grant_set_state(&by, &grant.id, state).await.unwrap_err();
        assert!(matches!(over, ChangeError::Conflict(_)), "{over}");
    }
    assert!(store.grant_rotate(&by, &grant.id, 0).await.is_err());
    assert!(store.grant_attach(&by, &grant.id, &server.id, None).await.is_err());
    // Its label is free again, and then means the living one.
    let (next, _) = house.grant("g", &[&server.id]).await;
    assert_eq!(store.grant(&house.org, "g").await.unwrap().unwrap().id, next.id);
    let old = store.grant(&house.org, grant.id.as_str()).await.unwrap().unwrap();
    assert_eq!(old.state, GrantState::Revoked);
    assert_eq!(store.grants(&house.org).await.unwrap().len(), 2);
}

pub(crate) async fn a_grant_reaches_only_what_its_organisation_has<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let ghost = ServerId::from("srv_ghost");
    let no_server = store.grant_issue(&by, grant_draft("x", &[&ghost])).await.unwrap_err();
    assert!(matches!(no_server, ChangeError::NotFound { what: "server", .. }), "{no_server}");
    let policy = Some(PolicyId::from("pol_ghost"));
    let none = store.grant_attach(&by, &grant.id, &server.id, policy).await.unwrap_err();
    assert!(matches!(none, ChangeError::NotFound { what: "policy", .. }), "{none}");
    let other = house.server("b").await;
    let not_its = store.grant_attach(&by, &grant.id, &other.id, None).await.unwrap_err();
    assert!(matches!(not_its, ChangeError::NotFound { .. }), "{not_its}");
    let twice = store.grant_issue(&by, grant_draft("x", &[&server.id, &server.id])).await;
    assert!(matches!(twice.unwrap_err(), ChangeError::Invalid { field: "servers", .. }));
    let taken = store.grant_issue(&by, grant_draft("g", &[&server.id])).await.unwrap_err();
    assert!(matches!(taken, ChangeError::Taken { what: "grant", .. }), "{taken}");

    let stranger = store::By { org: OrgId::from("org_other"), ..by };
    let foreign = store.grant_rotate(&stranger, &grant.id, 0).await.unwrap_err();
    assert!(matches!(foreign, ChangeError::NotFound { what: "grant", .. }), "{foreign}");
    let state = GrantState::Revoked;
    let foreign = store.grant_set_state(&stranger, &grant.id, state).await.unwrap_err();
    assert!(matches!(foreign, ChangeError::NotFound { .. }), "{foreign}");
    assert!(store.grant(&stranger.org, grant.id.as_str()).await.unwrap().is_none());
    assert!(store.server_delete(&stranger, &server.id).await.is_err());
}

pub(crate) async fn names_that_deceive_are_refused<S: Store>(house: House<S>) {
    let (store, by, server) = (&house.store, house.by(), house.server("a").await);
    for slug in ["", "A", "a b", "a/b", "..", "ä"] {
        let bad = store.server_create(&by, server_draft(slug)).await.unwrap_err();
        assert!(matches!(bad, ChangeError::Invalid { field: "slug", .. }), "{slug:?}: {bad}");
    }
    for label in ["", " ", "a\n", "a\u{200b}", "\u{202e}x", "grt_1"] {
        let bad = store.grant_issue(&by, grant_draft(label, &[&server.id])).await.unwrap_err();
        assert!(matches!(bad, ChangeError::Invalid { field: "label", .. }), "{label:?}: {bad}");
    }
    assert!(store.policy_create(&by, "pol_1", None).await.is_err());
    let ada = house.member("ada", Role::Viewer).await.id;
    assert!(store.api_key_create(&by, &ada, "\u{7}", Role::Viewer, None).await.is_err());
    let backwards = store::GrantDraft {
        not_before: Some(by.at),
        expires_at: Some(by.at),
        ..grant_draft("x", &[])
    };
    assert!(store.grant_issue(&by, backwards).await.is_err());
}

pub(crate) async fn only_what_calls_are_judged_by_changes_the_generation<S: Store>(
    house: House<S>,
) {
    let (store, by) = (&house.store, house.by());
    let mut seen = HashSet::from([house.generation()]);
    let server = house.server("a").await;
    assert!(seen.insert(house.generation()), "a server");
    let policy = house.policy("p", "{}").await;
    assert!(seen.insert(house.generation()), "a published version");
    let (grant, _) = house.grant("g", &[&server.id]).await;
    assert!(seen.insert(house.generation()), "a grant");
    store.grant_attach(&by, &grant.id, &server.id, Some(policy)).await.unwrap();
    assert!(seen.insert(house.generation()), "an attachment");
    store.grant_rotate(&by, &grant.id, 0).await.unwrap();
    assert!(seen.insert(house.generation()), "a token");
    let secret = vec![("a".to_owned(), Secret::from("b".to_owned()))];
    store.credential_set(&by, &server.id, secret).await.unwrap();
    assert!(seen.insert(house.generation()), "a credential");
    let tools = || Some(vec![tool("one", "f1")]);
    store.server_found(&server.id, None, "ok".into(), tools(), true, by.at).await.unwrap();
    assert!(seen.insert(house.generation()), "a tool");

    let still = house.generation();
    store.server_found(&server.id, None, "slow".into(), tools(), true, by.at).await.unwrap();
    house.admin_key("k").await;
    store.policy_create(&by, "draft", None).await.unwrap();
    store.server_create(&by, server_draft("a")).await.unwrap_err();
    store.call_refused(house.intent(&grant, &server)).await.unwrap();
    assert_eq!(house.generation(), still);
    assert_eq!(view(&house).await.generation, still);
    let hidden = ServerDraft { on_tool_change: OnToolChange::Hide, ..server_draft("a") };
    store.server_update(&by, &server.id, None, hidden).await.unwrap();
    assert!(seen.insert(house.generation()), "a changed server");
}
