//! The promises of `promises/`, kept by SQLite.

use std::sync::Arc;

use store::sqlite::Sqlite;
use vault::{OsRandom, RootKey};

use crate::promises::{House, MORNING, StoppedClock};

fn fresh() -> House<Sqlite> {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let clock = StoppedClock::at(MORNING);
    let store = Sqlite::open(dir.path(), &root, clock.clone(), Arc::new(OsRandom)).unwrap();
    assert!(store.first_start());
    House {
        org: store.org().clone(),
        pepper: store.pepper(),
        store: Arc::new(store),
        clock,
        _ground: Box::new(dir),
    }
}

macro_rules! kept {
    ($($module:ident: $($promise:ident)+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                crate::promises::$module::$promise(fresh()).await;
            }
        )+)+
    };
}

kept! {
    approvals:
        the_same_call_asks_once_and_another_asks_anew
        an_approval_is_used_by_one_call
        an_approval_is_good_for_its_own_call_alone
        nobody_decides_what_they_are_not_asked
        a_strict_organisation_bars_issuer_and_editor_too
        whoever_made_a_policy_with_its_rules_is_their_editor
        an_approval_is_decided_once_by_different_people
        a_yes_counts_as_long_as_it_could_still_be_given
        a_grant_asks_so_often_an_hour_and_no_more
        an_ended_approval_tells_its_end_and_makes_room
        an_approval_falls_with_what_it_rests_on
        arguments_are_opened_for_those_who_decide_and_recorded;
    channels:
        a_channel_keeps_its_secret_and_leaves_a_line_for_each_change
        every_end_of_an_approval_is_in_the_outbox
        messages_are_tried_in_order_with_longer_and_longer_pauses;
    kept:
        a_policy_kept_in_files_is_changed_from_there_alone
        each_change_of_where_a_policy_is_kept_is_on_record;
    objects:
        a_fresh_store_holds_nothing_and_knows_its_generation
        an_api_key_opens_until_the_moment_it_ends
        a_token_that_was_never_given_out_is_no_key
        the_last_admin_key_cannot_be_revoked
        a_server_is_found_by_id_and_slug_in_its_own_organisation
        a_server_that_was_changed_meanwhile_is_not_overwritten
        a_server_that_moves_loses_its_credential
        a_server_that_a_grant_uses_stays
        tools_are_accepted_at_registration_and_by_people_afterwards
        a_tool_that_is_listed_twice_is_withheld
        a_credential_opens_at_its_own_place_only
        a_credential_cannot_name_headers_of_the_message
        versions_of_a_policy_are_numbered_and_never_change
        a_policy_that_a_grant_uses_stays
        the_view_holds_what_calls_are_judged_by
        a_rotated_token_lives_through_its_overlap
        a_revoked_grant_is_over_for_good
        a_grant_reaches_only_what_its_organisation_has
        names_that_deceive_are_refused
        only_what_calls_are_judged_by_changes_the_generation;
    people:
        an_address_is_one_person_whatever_its_case
        an_invitation_lets_one_person_in_once
        the_last_admin_is_neither_lowered_nor_removed
        a_key_may_what_its_member_may_at_every_use
        a_removed_member_is_over_and_the_address_free
        a_member_that_was_changed_meanwhile_is_not_overwritten
        a_group_holds_members_each_once
        a_member_goes_only_when_each_of_their_grants_is_decided
        an_agent_is_handed_over_with_all_its_grants
        two_editors_of_a_draft_do_not_overwrite_each_other
        who_lost_their_right_since_they_asked_changes_nothing;
    records:
        each_change_leaves_exactly_one_line
        the_audit_log_is_read_page_by_page
        the_audit_log_is_asked_for_people_events_and_objects
        each_organisation_sees_who_was_turned_away_from_it
        refusals_of_strangers_are_counted_and_bounded
        a_repeated_request_finds_its_answer_for_a_day
        a_refused_change_leaves_no_trace_in_its_neighbours;
    calls:
        an_intent_is_in_the_log_before_its_call_may_leave
        a_call_ends_once
        a_call_id_is_good_once
        a_call_judged_by_an_old_view_is_judged_again
        a_revoked_grant_begins_no_call_in_the_same_commit
        a_refused_call_is_one_line_without_an_outcome
        the_log_answers_every_filter
        the_log_is_read_page_by_page_and_followed
        callers_at_once_each_get_their_own_line
        a_caller_who_goes_away_leaves_no_open_call;
    rule_use:
        rules_are_counted_by_the_day_whatever_the_version
        a_count_says_whether_it_saw_everything
        a_call_asks_people_once_however_often_it_is_repeated;
    quotas:
        a_limit_holds_exactly_under_any_number_of_callers
        several_limits_are_taken_all_or_none
        an_outcome_settles_or_gives_back_at_once
        a_caller_who_goes_away_holds_no_quota
        a_doubtful_clock_stops_calls_with_limits_and_no_others
        a_window_that_cannot_be_placed_stops_the_call
        a_person_may_confirm_a_clock_in_doubt;
    edges:
        a_window_turns_at_its_very_edge
        a_fixed_window_may_hold_twice_over_its_edge_a_rolling_one_never
        an_end_is_an_end;
    races:
        ten_places_go_to_exactly_ten_of_64_callers
        a_spend_cap_is_never_passed_and_never_wasted;
    unknown:
        what_nobody_knows_is_listed_and_resolved_once
        a_resolution_says_why_and_is_of_ones_own_organisation
        room_that_is_given_back_may_be_taken_again;
    usage:
        usage_shows_the_limits_in_force_whether_used_or_not
        usage_follows_a_changed_policy_and_keeps_what_is_counted
        usage_of_a_shared_scope_is_everybodys;
}
