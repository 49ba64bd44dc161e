//! What a client proposes to do.

use sbk_wire::Value;

use crate::rpc::Failure;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A call of a method.
    Rpc(String),
    /// A transfer in a direction, as the client spells it.
    Transfer(String),
}

impl Action {
    /// The method, or the direction.
    pub fn name(&self) -> &str {
        match self {
            Self::Rpc(name) | Self::Transfer(name) => name,
        }
    }
}

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The name of the service.
    pub service: String,
    /// What is to be done there.
    pub action: Action,
    /// What the client sends beside its certificate.
    pub extra: Value,
}

impl Proposal {
    /// Reads one: `S_OK([[service, setup, vo], [action, method], extra, version])`, of which older
    /// clients leave the ends out.
    pub fn read(message: &Value) -> Result<Self, Failure> {
        let invalid = || Failure::plain("Invalid action proposal");
        let parts = message.get("Value").and_then(Value::items).ok_or_else(invalid)?;
        let text = |value: &Value, at: usize| -> Option<String> {
            Some(value.items()?.get(at)?.text()?.to_owned())
        };
        let [target, action, rest @ ..] = parts else { return Err(invalid()) };
        let service = text(target, 0).ok_or_else(invalid)?;
        let kind = text(action, 0).ok_or_else(invalid)?;
        let name = text(action, 1).ok_or_else(invalid)?;
        let action = match kind.as_str() {
            "RPC" => Action::Rpc(name),
            "FileTransfer" => Action::Transfer(name),
            // DIRAC has `Message` and `Connection`, too, for services of other kinds.
            _ => return Err(Failure::plain(format!("{kind} is not a known action type"))),
        };
        Ok(Self { service, action, extra: rest.first().cloned().unwrap_or(Value::Null) })
    }
}
