//! The vocabulary that the functions share, and nothing else: what a secret holds, which messages
//! the functions exchange, the closed set of failure kinds, and the one type for a password.
//!
//! Nothing here makes a call. Every message has a JSON Schema in `contract/schemas/`.

mod alert;
mod arn;
mod close_request;
mod cluster_look;
mod delivery_request;
mod foreign;
mod incident;
mod inspection;
mod kind;
mod notice;
mod password;
mod secret_value;
mod tags;
mod text;

pub use alert::{Alert, AlertText};
pub use arn::{is_complete_arn, is_elsewhere, names_same_secret, secret_name, secret_suffix};
pub use close_request::{CLOSE_SCHEMA, CloseRequest};
pub use cluster_look::{CLUSTER_LOOK_SCHEMA, ClusterLook, PlaceLook, StoreLook, StoreState};
pub use delivery_request::DeliveryRequest;
pub use foreign::{Argument, Foreign};
pub use incident::{Area, EVENT_SOURCE, INCIDENT_SCHEMA, IncidentEvent, IncidentState};
pub use inspection::{
    Finding, INSPECTION_SCHEMA, InspectRequest, InspectedBroker, InspectedConnection, InspectedDelivery,
    InspectedUser, InspectedVersion, Inspection, InspectionMemory, LOGIN_CHECK_SCHEMA, Login, LoginCheck,
    Owner, ROUTES_SCHEMA, RouteCheck, Routes,
};
pub use kind::{Kind, Severity};
pub use notice::{FailureNotice, NOTICE_SCHEMA};
pub use password::Password;
pub use secret_value::{BrokerAddress, KNOWN_KEYS, SecretValue, SecretValueError, Strategy};
pub use tags::Tags;
pub use text::cut;
