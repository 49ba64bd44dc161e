//! Both of DIRAC's encodings take any bytes; what was read is written so that it reads the same.
//! The first byte decides on the encoding, and the rest is also taken for frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_wire::{Encoding, FrameReader, Limits};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let encoding = if first % 2 == 0 { Encoding::Json } else { Encoding::DEncode };
    if let Ok(value) = encoding.decode(rest, Limits::default())
        && let Ok(written) = encoding.encode(&value)
        && let Ok(again) = encoding.decode(&written, Limits { depth: 256, ..Limits::default() })
    {
        assert_eq!(encoding.encode(&again).as_ref(), Ok(&written));
    }
    let mut reader = FrameReader::new(1024);
    for piece in rest.chunks(usize::from(*first).max(1)) {
        reader.push(piece);
        while let Ok(Some(_)) = reader.next() {}
    }
});
