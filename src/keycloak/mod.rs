//! The keycloak room.
