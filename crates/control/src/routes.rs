//! Every route of the API, on one page.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Code, Problem};
use crate::{
    Control, approvals, arrival, audit, backup, calls, channels, clock, credentials, document,
    drafts, evidence, exact, grants, groups, health, holding, keyring, keys, me, members, metrics,
    oauth, policies, providers, recordings, replay, reservations, reveal, servers, sign_in,
    simulate, tail, tools, trial, usage, watches,
};
use crate::{dashboard, permissions};

/// Where the API lives.
pub(crate) const BASE: &str = "/api/v1";

/// The API and the dashboard as a router: everything but the listener.
pub fn router(control: Control) -> Router {
    let (routes, _) = described().split_for_parts();
    routes
        .route(&format!("{BASE}/openapi.json"), get(document::serve))
        .route(&format!("{BASE}/log/tile/{{*path}}"), get(evidence::log_tile))
        .route(metrics::PATH, get(metrics::metrics))
        .fallback(dashboard::serve)
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the Allow header lists the methods")
        })
        .layer(from_fn(arrival::pass))
        .with_state(control)
}

/// The routes with their description.
pub(crate) fn described() -> OpenApiRouter<Control> {
    let api = OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::detail))
        .routes(routes!(permissions::list))
        .routes(routes!(servers::list, servers::create))
        .routes(routes!(servers::get, servers::update, servers::delete))
        .routes(routes!(servers::refresh))
        .routes(routes!(tools::list))
        .routes(routes!(tools::get))
        .routes(routes!(tools::accept))
        .routes(routes!(credentials::get, credentials::set, credentials::remove))
        .routes(routes!(oauth::discover))
        .routes(routes!(reveal::test))
        .routes(routes!(reveal::reveal))
        .routes(routes!(oauth::connections, oauth::connect))
        .routes(routes!(oauth::disconnect))
        .routes(routes!(oauth::scopes))
        .routes(routes!(oauth::callback))
        .routes(routes!(oauth::client_document))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::get, policies::delete))
        .routes(routes!(policies::versions, policies::publish))
        .routes(routes!(policies::version))
        .routes(routes!(drafts::restore))
        .routes(routes!(drafts::get, drafts::put, drafts::delete))
        .routes(routes!(drafts::publish))
        .routes(routes!(watches::get, watches::start, watches::stop))
        .routes(routes!(watches::calls))
        .routes(routes!(replay::replay))
        .routes(routes!(policies::diff))
        .routes(routes!(trial::check))
        .routes(routes!(trial::test))
        .routes(routes!(simulate::simulate))
        .routes(routes!(exact::diff))
        .routes(routes!(exact::ask))
        .routes(routes!(exact::coverage))
        .routes(routes!(trial::import))
        .routes(routes!(grants::list, grants::issue))
        .routes(routes!(grants::get))
        .routes(routes!(grants::rotate))
        .routes(routes!(grants::pause))
        .routes(routes!(grants::resume))
        .routes(routes!(grants::revoke))
        .routes(routes!(grants::attach))
        .routes(routes!(grants::hand_over))
        .routes(routes!(usage::usage))
        .routes(routes!(holding::get, holding::set))
        .routes(routes!(reservations::list))
        .routes(routes!(reservations::resolve))
        .routes(routes!(clock::state))
        .routes(routes!(clock::confirm))
        .routes(routes!(calls::list))
        .routes(routes!(tail::tail))
        .routes(routes!(calls::get))
        .routes(routes!(me::me))
        .routes(routes!(members::list, members::invite))
        .routes(routes!(members::get, members::update))
        .routes(routes!(members::reinvite))
        .routes(routes!(members::remove))
        .routes(routes!(sign_in::session::of_member, sign_in::session::close_of_member))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::get))
        .routes(routes!(approvals::open))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::deny))
        .routes(routes!(approvals::withdraw))
        .routes(routes!(approvals::settings, approvals::set_settings))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::get, channels::update, channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(channels::deliveries))
        .routes(routes!(channels::retry))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::update, groups::delete))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(sign_in::enter::ways))
        .routes(routes!(sign_in::enter::password))
        .routes(routes!(sign_in::passkeys::begin))
        .routes(routes!(sign_in::passkeys::finish))
        .routes(routes!(sign_in::visits::callback))
        .routes(routes!(sign_in::visits::begin))
        .routes(routes!(sign_in::links::create))
        .routes(routes!(sign_in::enter::setup))
        .routes(routes!(sign_in::enter::accept))
        .routes(routes!(sign_in::session::get, sign_in::session::close))
        .routes(routes!(sign_in::enter::fresh))
        .routes(routes!(sign_in::passkeys::fresh_begin))
        .routes(routes!(sign_in::passkeys::fresh_finish))
        .routes(routes!(sign_in::session::list, sign_in::session::close_all))
        .routes(routes!(sign_in::session::close_one))
        .routes(routes!(sign_in::enter::change))
        .routes(routes!(sign_in::passkeys::list, sign_in::passkeys::register))
        .routes(routes!(sign_in::passkeys::register_begin))
        .routes(routes!(sign_in::passkeys::remove))
        .routes(routes!(providers::list, providers::create))
        .routes(routes!(providers::get, providers::update, providers::delete))
        .routes(routes!(audit::audit))
        .routes(routes!(audit::export))
        .routes(routes!(evidence::export))
        .routes(routes!(evidence::verify))
        .routes(routes!(metrics::exports))
        .routes(routes!(evidence::checkpoints))
        .routes(routes!(evidence::latest))
        .routes(routes!(evidence::between))
        .routes(routes!(evidence::log_checkpoint))
        .routes(routes!(evidence::call))
        .routes(routes!(audit::refusals))
        .routes(routes!(recordings::get, recordings::set))
        .routes(routes!(recordings::terms, recordings::set_terms))
        .routes(routes!(recordings::keys))
        .routes(routes!(recordings::draw))
        .routes(routes!(recordings::destroy))
        .routes(routes!(recordings::ask))
        .routes(routes!(recordings::captures))
        .routes(routes!(backup::take))
        .routes(routes!(keyring::get))
        .routes(routes!(keyring::rotate))
        .routes(routes!(keyring::retire))
        .routes(routes!(keyring::root_key));
    OpenApiRouter::with_openapi(document::outline()).nest(BASE, api)
}
