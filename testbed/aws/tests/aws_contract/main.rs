//! The rows of `testbed/aws/CONTRACT.md`, one test each, through the AWS SDK and the AWS CLI.

mod asynchronous;
mod authorisation;
mod calls;
mod cancellation;
mod custom_resources;
mod endpoints;
mod hypotheses;
mod labels;
mod metadata;
mod quotas;
mod resource_policies;
mod rotation;
mod service_roles;
mod stacks;
mod support;
mod table;
mod trust_policies;
mod values;
mod web_identity;
