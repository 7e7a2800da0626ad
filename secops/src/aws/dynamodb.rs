//! `DynamoDB`: the table of incidents. dlq-handler alone writes it.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::AwsError;
use super::config::TIMEOUT;

const SERVICE: &str = "DynamoDB";
/// Pages of up to 1 MB.
const PAGES_LIMIT: usize = 100;

/// The table.
#[derive(Debug, Clone)]
pub struct IncidentTable {
    client: Client,
    table: String,
}

/// One item: what is known of a subject in one area.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The secret's ARN, or the name of the function or alarm.
    pub subject: String,
    /// The area, as the table stores it.
    pub area: String,
    /// dlq-handler's record.
    pub record: Value,
}

impl IncidentTable {
    /// A client on the SDK's configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str) -> Self {
        Self { client: Client::new(config), table: table.to_owned() }
    }

    /// All items that hold an incident, or only those with an open one.
    pub async fn items(&self, closed_too: bool) -> Result<Vec<Item>, AwsError> {
        let (mut items, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_LIMIT {
            let mut scan = self.client.scan().table_name(&self.table).set_exclusive_start_key(next);
            scan = scan.expression_attribute_names("#state", "state");
            scan = if closed_too {
                scan.filter_expression("attribute_exists(#state)")
            } else {
                scan.filter_expression("#state = :open").expression_attribute_values(":open", text("open"))
            };
            let page = scan.send().await;
            let page = page.map_err(|error| AwsError::from_sdk(SERVICE, "Scan", TIMEOUT, &error))?;
            items.extend(page.items.unwrap_or_default().iter().filter_map(item));
            next = page.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// The items of one subject.
    pub async fn of(&self, subject: &str) -> Result<Vec<Item>, AwsError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("subject = :subject");
        let page = query.expression_attribute_values(":subject", text(subject)).send().await;
        let page = page.map_err(|error| AwsError::from_sdk(SERVICE, "Query", TIMEOUT, &error))?;
        Ok(page.items.unwrap_or_default().iter().filter_map(item).collect())
    }
}

/// Items of another form belong to the functions themselves.
fn item(item: &HashMap<String, AttributeValue>) -> Option<Item> {
    let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    Some(Item {
        subject: field("subject")?.clone(),
        area: field("area")?.clone(),
        record: serde_json::from_str(field("record")?).ok()?,
    })
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
