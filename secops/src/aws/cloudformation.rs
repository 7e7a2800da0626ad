//! CloudFormation: what the stack consists of.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;

use super::AwsError;
use super::config::TIMEOUT;

/// A hundred resources a page. A stack has 500 at most.
const RESOURCE_PAGES_LIMIT: usize = 10;

/// The deployed stack of `infra/template.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// CloudFormation's state of it, for example `UPDATE_COMPLETE`.
    pub status: String,
    /// The description of its template, with the version of a release.
    pub description: Option<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// One resource of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The name in the template.
    pub logical_id: String,
    /// The name or ARN in AWS.
    pub physical_id: String,
    /// The type, for example `AWS::Lambda::Function`.
    pub kind: String,
    /// CloudFormation's state of it.
    pub status: String,
}

impl Stack {
    /// Reads the stack.
    pub async fn describe(config: &SdkConfig, name: &str) -> Result<Self, AwsError> {
        const OPERATION: &str = "DescribeStacks";
        let answer = Client::new(config)
            .describe_stacks()
            .stack_name(name)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk("CloudFormation", OPERATION, TIMEOUT, &error))?;
        let stacks = answer.stacks.unwrap_or_default();
        let missing = AwsError::Unreadable { service: "CloudFormation", operation: OPERATION };
        let stack = stacks.into_iter().next().ok_or(missing)?;
        let outputs = stack.outputs.unwrap_or_default().into_iter();
        let parameters = stack.parameters.unwrap_or_default().into_iter();
        Ok(Self {
            name: name.to_owned(),
            status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            description: stack.description,
            parameters: parameters
                .filter_map(|one| Some((one.parameter_key?, one.parameter_value?)))
                .collect(),
            outputs: outputs.filter_map(|one| Some((one.output_key?, one.output_value?))).collect(),
        })
    }

    /// The resources of the stack.
    pub async fn resources(config: &SdkConfig, name: &str) -> Result<Vec<Resource>, AwsError> {
        let client = Client::new(config);
        let (mut resources, mut next) = (Vec::new(), None);
        for _ in 0..RESOURCE_PAGES_LIMIT {
            let page = client.list_stack_resources().stack_name(name).set_next_token(next).send().await;
            let page = page.map_err(|error| {
                AwsError::from_sdk("CloudFormation", "ListStackResources", TIMEOUT, &error)
            })?;
            resources.extend(page.stack_resource_summaries.unwrap_or_default().into_iter().filter_map(
                |one| {
                    Some(Resource {
                        logical_id: one.logical_resource_id?,
                        physical_id: one.physical_resource_id?,
                        kind: one.resource_type.unwrap_or_default(),
                        status: one
                            .resource_status
                            .map(|status| status.as_str().to_owned())
                            .unwrap_or_default(),
                    })
                },
            ));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(resources)
    }

    /// An output, if this stack has it.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name).map(String::as_str)
    }

    /// A parameter, if this stack has it.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}
