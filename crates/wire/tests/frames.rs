//! Frames come in any pieces, and are held against their limit first.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sbk_wire::{Encoding, Frame, FrameError, FrameReader, KeepAlive, frame};

const PING: &[u8] =
    br#"105:{"OK": true, "Value": [["DataManagement/FileCatalog", "None", "Jenkins"], ["RPC", "ping"], "", "9.1.22"]}"#;

fn message(frame: Option<Frame>) -> Vec<u8> {
    match frame {
        Some(Frame::Message(message)) => message,
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn a_frame_is_found_when_its_bytes_come_one_by_one() {
    let mut reader = FrameReader::new(1024);
    let (last, first) = PING.split_last().unwrap();
    for byte in first {
        reader.push(&[*byte]);
        assert_eq!(reader.next().unwrap(), None);
    }
    reader.push(&[*last]);

    assert_eq!(frame(&message(reader.next().unwrap())), PING);
    assert!(reader.is_empty());
}

#[test]
fn several_frames_may_come_at_once() {
    let alive = KeepAlive { id: "x".into(), is_question: true };
    let mut reader = FrameReader::new(1024);
    reader.push(&[PING, &alive.encode(Encoding::Json), b"0:", b"2:"].concat());

    message(reader.next().unwrap());
    let Some(Frame::KeepAlive(contents)) = reader.next().unwrap() else { panic!("no keep-alive") };
    assert_eq!(KeepAlive::decode(&contents).unwrap(), (alive, Encoding::Json));
    assert_eq!(message(reader.next().unwrap()), b"");
    assert_eq!(reader.next().unwrap(), None);
    assert!(!reader.is_empty());
}

#[test]
fn wrong_lengths_are_refused_before_anything_comes() {
    let cases: [(&[u8], FrameError); 12] = [
        (b"1025:", FrameError::TooLong { limit: 1024 }),
        (b"9223372036854775807:", FrameError::TooLong { limit: 1024 }),
        (b"9999999999999999999:", FrameError::TooLong { limit: 1024 }),
        (b"99999999999999999999", FrameError::Length),
        (b"-1:", FrameError::Length),
        (b"+1:", FrameError::Length),
        (b" 1:", FrameError::Length),
        (b"1_0:", FrameError::Length),
        (b":", FrameError::Length),
        (b"GET / HTTP/1.1", FrameError::Length),
        (b"dkx", FrameError::Length),
        (b"dka:", FrameError::Length),
    ];
    for (bytes, error) in cases {
        let mut reader = FrameReader::new(1024);
        reader.push(bytes);
        assert_eq!(reader.next(), Err(error), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_keep_alive_is_answered_in_its_own_encoding() {
    let question = b"ds2:OKb1s5:Valueds2:ids1:as6:kapingb1ee";

    let (alive, encoding) = KeepAlive::decode(question).unwrap();

    assert_eq!((alive.is_question, encoding), (true, Encoding::DEncode));
    let answer = KeepAlive { is_question: false, ..alive }.encode(encoding);
    assert_eq!(answer, b"dka39:ds2:OKb1s5:Valueds2:ids1:as6:kapingb0ee");
}

proptest! {
    #[test]
    fn frames_survive_any_division(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..6),
        size in 1usize..40,
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        let mut reader = FrameReader::new(50);
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece);
            while let Some(Frame::Message(message)) = reader.next().unwrap() {
                found.push(message);
            }
        }
        prop_assert_eq!(found, messages);
    }
}
