//! Every kind on a real server: made, changed field by field, reset, renamed, deleted, and its neighbours left alone.

mod authentication_flow;
mod authorization;
mod client;
mod client_policy;
mod client_registration_policy;
mod client_role;
mod client_scope;
mod component;
mod group;
mod identity_provider;
mod identity_provider_mapper;
mod key_provider;
mod localization;
mod organization;
mod permission;
mod protocol_mapper;
mod provider;
mod realm;
mod rename;
mod required_action;
mod role;
mod story;
mod user;
mod user_federation;
mod user_profile;
mod workflow;
