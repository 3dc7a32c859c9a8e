//! Every kind on a real server: made, changed field by field, reset, renamed, deleted, and its neighbours left alone.

mod client;
mod client_policy;
mod client_role;
mod client_scope;
mod group;
mod identity_provider;
mod identity_provider_mapper;
mod localization;
mod protocol_mapper;
mod realm;
mod rename;
mod required_action;
mod role;
mod story;
mod user_profile;
