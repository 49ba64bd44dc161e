//! Transfers: lists of any length, in pieces, each acknowledged, with a checksum at the end.
//!
//! As `Core/DISET/private/FileHelper.py` does them.

use futures::StreamExt;
use md5::{Digest, Md5};
use sbk_diset::LinkError;
use sbk_registry::Method;
use sbk_wire::Value;

use super::{ARGUMENTS, Judged, Session};
use crate::{
    authority::Admitted,
    face::Face,
    rpc::{self, Failure, FileId, failed, ok},
};

/// How long a piece is that is sent, in bytes.
const PIECE: usize = 1 << 20;

/// The longest message with a piece that comes: one of 1 MiB in base64, with room to spare.
const MESSAGE: usize = 4 << 20;

/// Serves a transfer.
pub async fn run(session: &mut Session, direction: &str, judged: &Judged) -> Result<(), LinkError> {
    let Judged { proposal, face, admitted } = judged;
    let described = session.link.receive(MESSAGE, ARGUMENTS).await?;
    let description = described.get("Value").and_then(Value::items).unwrap_or_default();
    let text = |at: usize| description.get(at).and_then(Value::text).unwrap_or_default();
    let (file_id, token) = (text(0).to_owned(), text(1).to_owned());
    let refusal = match direction {
        "ToClient" | "toClient" | "FromClient" | "fromClient" => None,
        "BulkFromClient" | "bulkFromClient" => Some("This server does no allow bulk receiving"),
        "BulkToClient" | "bulkToClient" => Some("This server does no allow bulk sending"),
        "ListBulk" | "listBulk" => Some("This server does no allow bulk listing"),
        _ => {
            let text = format!("Service can't transfer files {direction}");
            return session.link.send(&failed(&Failure::plain(text))).await;
        }
    };
    session.link.send(&ok(Value::from("Accepted"))).await?;
    if let Some(refusal) = refusal {
        return session.link.send(&failed(&Failure::plain(refusal))).await;
    }
    if *face == Face::FileCatalog {
        return dump(session, direction, admitted, &file_id, &token).await;
    }
    let begun = FileId::read(&file_id).and_then(|file_id| {
        // The rules of the method hold, too, not only those of transfers.
        session.admit(*face, proposal, Method::Call(file_id.method()), None).map(|_| file_id)
    });
    let file_id = match begun {
        Ok(file_id) => file_id,
        Err(failure) => return session.link.send(&failed(&failure)).await,
    };
    let name = file_id.method().to_owned();
    let app = session.app.clone();
    if direction.starts_with(['T', 't']) {
        let caller = admitted.caller.clone();
        let mut ended = Ok(());
        let work = async {
            let lines = file_id.download(&app.methods, app.service.clone(), caller).await?;
            ended = send(session, lines, &token).await;
            Ok(())
        };
        let placed = rpc::placed(&app, admitted, &name, "diset", rpc::Kind::Transfer, work).await;
        ended?;
        let result = placed.map_or_else(|failure| failed(&failure), |()| ok(Value::Null));
        return session.link.send(&result).await;
    }
    let caller = admitted.caller.clone();
    let mut ended = Ok(());
    let work = async {
        let mut upload = file_id.upload(&app.methods, app.service.clone(), caller)?;
        match receive(session, &mut upload, &token).await {
            Ok(Ok(())) => upload.finish().await,
            Ok(Err(failure)) => Err(failure),
            Err(error) => {
                ended = Err(error);
                Err(Failure::plain("Incomplete transfer"))
            }
        }
    };
    let placed = rpc::placed(&app, admitted, &name, "diset", rpc::Kind::Transfer, work).await;
    ended?;
    session.link.send(&placed.map_or_else(|failure| failed(&failure), ok)).await
}

/// Sends the replicas at storage elements, which is all that the FileCatalog transfers.
async fn dump(
    session: &mut Session,
    direction: &str,
    admitted: &Admitted,
    file_id: &str,
    token: &str,
) -> Result<(), LinkError> {
    if !direction.starts_with(['T', 't']) {
        let refusal = Failure::plain("This server does no allow receiving files");
        return session.link.send(&failed(&refusal)).await;
    }
    let app = session.app.clone();
    let mut ended = Ok(());
    let work = async {
        let rows = app.catalog.dump(&admitted.principal(&app), file_id)?;
        ended = send(session, rows, token).await;
        Ok(())
    };
    let placed = rpc::placed(&app, admitted, "getSEDump", "diset", rpc::Kind::Transfer, work).await;
    ended?;
    let result = placed.map_or_else(|failure| failed(&failure), |()| ok(Value::Null));
    session.link.send(&result).await
}

fn piece(is_content: bool, content: Value) -> Value {
    ok(Value::List(vec![Value::Bool(is_content), content]))
}

fn hexadecimal(sum: Md5) -> String {
    use std::fmt::Write as _;
    sum.finalize().iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether the other side wants no checksum.
fn is_unchecked(token: &str) -> bool {
    token.contains("NoCheckSum")
}

/// Sends a list, piece after piece. A failure takes the place of a piece.
async fn send(session: &mut Session, mut lines: rpc::Lines, token: &str) -> Result<(), LinkError> {
    let mut sum = Md5::new();
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let part = lines.next().await;
        let is_end = part.is_none();
        match part {
            Some(Ok(bytes)) => pending.extend_from_slice(&bytes),
            Some(Err(problem)) => {
                return session.link.send(&failed(&Failure::from(problem))).await;
            }
            None => {}
        }
        while pending.len() >= PIECE || (is_end && !pending.is_empty()) {
            let rest = pending.split_off(pending.len().min(PIECE));
            let content = std::mem::replace(&mut pending, rest);
            sum.update(&content);
            session.link.send(&piece(true, Value::Bytes(content))).await?;
            let answer = session.link.receive(MESSAGE, session.app.idle()).await?;
            let is_good = answer.get("OK") == Some(&Value::Bool(true));
            if !is_good || answer.get("AbortTransfer").is_some() {
                // The reader has had enough; it expects the result next.
                return Ok(());
            }
        }
        if is_end {
            let sum = if is_unchecked(token) { Md5::new() } else { sum };
            return session.link.send(&piece(false, Value::Text(hexadecimal(sum)))).await;
        }
    }
}

/// Receives a list, piece after piece.
async fn receive(
    session: &mut Session,
    upload: &mut rpc::Upload<'_>,
    token: &str,
) -> Result<Result<(), Failure>, LinkError> {
    let mut sum = Md5::new();
    loop {
        let message = session.link.receive(MESSAGE, ARGUMENTS).await?;
        let parts = message.get("Value").and_then(Value::items).unwrap_or_default();
        if message.get("AbortTransfer").is_some() {
            session.link.send(&ok(Value::Null)).await?;
            return Ok(Err(Failure::plain("the sender stopped; what came before is done")));
        }
        let (is_content, content) = match parts {
            [Value::Bool(is_content), content] => (*is_content, content),
            _ => return Ok(Err(Failure::plain("Error while receiving file: it is no piece"))),
        };
        let bytes = match content {
            Value::Bytes(bytes) => bytes.as_slice(),
            Value::Text(text) => text.as_bytes(),
            _ => return Ok(Err(Failure::plain("Error while receiving file: it has no bytes"))),
        };
        if !is_content {
            let is_good = is_unchecked(token) || bytes == hexadecimal(sum).as_bytes();
            let wrong = "Error in the file CRC";
            return Ok(if is_good { Ok(()) } else { Err(Failure::plain(wrong)) });
        }
        sum.update(bytes);
        if let Err(failure) = upload.push(bytes).await {
            // In place of the acknowledgement, which ends the transfer.
            return Ok(Err(failure));
        }
        session.link.send(&ok(Value::Null)).await?;
    }
}
