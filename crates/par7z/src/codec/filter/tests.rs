//! Every filter: there and back, however the bytes are cut; and what it makes of instructions, by hand.

use super::bcj::{CPUS, Cpu};
use super::branch::{Branch, moved};
use super::stream::{Conversion, FilterReader, FilterWriter, MAX_TAIL_BYTES};
use super::*;
use proptest::prelude::*;
use std::io::{self, Cursor, Read};

/// Bytes that are all branches to `cpu`, or nearly: `seeds` make their targets and registers.
fn branches(cpu: &Cpu, seeds: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for &seed in seeds {
        let word = (seed >> 8) as u32;
        // One in eight is whatever it is.
        match (seed % 8, cpu.method) {
            (0, _) => out.extend(&seed.to_le_bytes()[..(seed >> 60) as usize % 9]),
            (_, id::BCJ_X86) => {
                let alphabet = [0xE8, 0xE9, 0x00, 0xFF, 0x01, word as u8];
                out.extend((0..5).map(|digit| alphabet[(word >> (6 * digit)) as usize % alphabet.len()]));
            }
            (_, id::ARM) => out.extend((word & 0x00FF_FFFF | 0xEB00_0000).to_le_bytes()),
            (_, id::ARMT) => out.extend((word & 0x07FF_07FF | 0xF800_F000).to_le_bytes()),
            (0..4, id::ARM64) => out.extend((word & 0x03FF_FFFF | 0x9400_0000).to_le_bytes()),
            (4, id::ARM64) => out.extend((word & 0x601F_FFFF | 0x90E0_0000).to_le_bytes()),
            (_, id::ARM64) => out.extend((word & 0x60FF_FFFF | 0x9000_0000).to_le_bytes()),
            (_, id::PPC) => out.extend((word & 0x03FF_FFFC | 0x4800_0001).to_be_bytes()),
            (0..4, id::SPARC) => out.extend((word & 0x003F_FFFF | 0x7FC0_0000).to_be_bytes()),
            (_, id::SPARC) => out.extend((word & 0x007F_FFFF | 0x4000_0000).to_be_bytes()),
            (kind, id::IA64) => {
                let slot = u128::from(seed) & 0xF7_FFFF_F1FF | 5 << 37;
                let template = [0x10, 0x12, 0x16, 0x17, 0x18, 0x1C, 0x1D][kind as usize - 1];
                out.extend((slot << 87 | slot << 46 | slot << 5 | template).to_le_bytes());
            }
            (kind, _) => {
                let rd = word & 0x0F80;
                let (first, second) = match kind {
                    1 => (word & 0xFFFF_F200 | 0xEF, word),
                    2 | 3 => (word & 0xFFFF_C000 | 0x3117, word.rotate_left(9)),
                    4 => (word & 0xFFFF_FF80 | 0x17, word.rotate_left(9)),
                    _ => (word & 0xFFFF_F000 | rd | 0x17, word.rotate_left(9) & 0xFFF0_7FFC | rd << 8 | 3),
                };
                out.extend(first.to_le_bytes());
                out.extend(second.to_le_bytes());
            }
        }
    }
    out
}

/// Gives out its bytes in pieces of these sizes, in turn; now and then it is interrupted.
struct Pieces {
    bytes: Vec<u8>,
    given: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = buf.len().min(self.sizes[self.turn % self.sizes.len()]).min(self.bytes.len() - self.given);
        buf[..count].copy_from_slice(&self.bytes[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

fn write<C: Conversion>(conversion: C, bytes: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut writer = FilterWriter::new(conversion);
    let (mut out, mut rest) = (vec![1, 2, 3], bytes);
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        writer.write(piece, &mut out).unwrap();
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    writer.finish(&mut out).unwrap();
    assert_eq!(out[..3], [1, 2, 3], "what was there before");
    out.split_off(3)
}

fn read<C: Conversion>(conversion: C, bytes: &[u8], given: &[usize], wanted: &[usize]) -> Vec<u8> {
    let source = Pieces { bytes: bytes.to_vec(), given: 0, sizes: given.to_vec(), turn: 0 };
    let mut reader = FilterReader::new(Box::new(source), conversion);
    let (mut out, mut buffer) = (Vec::new(), vec![0; 100_000]);
    for &size in wanted.iter().cycle() {
        match reader.read(&mut buffer[..size]) {
            Ok(0) => break,
            Ok(count) => out.extend_from_slice(&buffer[..count]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
        }
    }
    out
}

/// There in one piece and in pieces, and back.
fn check<C: Conversion, D: Conversion>(
    bytes: &[u8],
    encoder: impl Fn() -> C,
    decoder: impl Fn() -> D,
    sizes: [&[usize]; 3],
) {
    let mut whole = bytes.to_vec();
    let done = encoder().convert(&mut whole);
    assert!(bytes.len() - done <= MAX_TAIL_BYTES);
    assert_eq!(whole[done..], bytes[done..], "the tail");
    assert!(write(encoder(), bytes, sizes[0]) == whole, "written in pieces of {:?}", sizes[0]);
    assert!(read(decoder(), &whole, sizes[1], sizes[2]) == bytes, "{:?} read by {:?}", sizes[1], sizes[2]);
    // The way back from bytes that were never encoded does not depend on how they are cut either.
    let mut back = bytes.to_vec();
    decoder().convert(&mut back);
    assert!(read(decoder(), bytes, sizes[1], sizes[2]) == back, "{:?} read by {:?}", sizes[1], sizes[2]);
}

/// Sizes of pieces: mostly small, sometimes larger than any buffer.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![4 => 1..40usize, 2 => 1..5000usize, 1 => 4090..100_000usize], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn branch_filters_are_undone(
        seeds in prop::collection::vec(any::<u64>(), 0..400),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        copies in 1..30usize,
        start in prop_oneof![Just(0), any::<u32>(), u32::MAX - 5000..],
        (written, given, wanted) in (sizes(), sizes(), sizes()),
    ) {
        for cpu in &CPUS {
            let start = start - start % cpu.alignment;
            let bytes = [branches(cpu, &seeds), noise.clone()].concat().repeat(copies);
            let sizes = [&written[..], &given, &wanted];
            check(&bytes, || Branch::new(cpu.encode, start), || Branch::new(cpu.decode, start), sizes);
        }
    }

    #[test]
    fn delta_is_undone(
        bytes in prop::collection::vec(any::<u8>(), 0..6000),
        distance in prop_oneof![1..10u32, 1..=256u32],
        (written, given, wanted) in (sizes(), sizes(), sizes()),
    ) {
        use super::delta::{Addition, Subtraction};
        let sizes = [&written[..], &given, &wanted];
        check(&bytes, || Subtraction::new(distance), || Addition::new(distance), sizes);
        let encoded = write(Subtraction::new(distance), &bytes, &written);
        let distance = distance as usize;
        for (at, byte) in encoded.iter().enumerate() {
            let before = if at < distance { 0 } else { bytes[at - distance] };
            prop_assert_eq!(*byte, bytes[at].wrapping_sub(before), "at {}", at);
        }
    }

    #[test]
    fn swaps_are_undone(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        (written, given, wanted) in (sizes(), sizes(), sizes()),
    ) {
        use super::swap::Swap;
        let sizes = [&written[..], &given, &wanted];
        check(&bytes, || Swap::<2>, || Swap::<2>, sizes);
        check(&bytes, || Swap::<4>, || Swap::<4>, sizes);
    }

    #[test]
    fn x86_is_its_rules(seeds in prop::collection::vec(any::<u64>(), 0..200), start in any::<u32>()) {
        let bytes = branches(&CPUS[0], &seeds);
        let mut converted = bytes.clone();
        Branch::new(CPUS[0].encode, start).convert(&mut converted);
        prop_assert_eq!(converted, x86_by_the_rules(&bytes, start));
    }
}

/// What the x86 filter makes, with the passed opcodes in a list and nothing clever.
fn x86_by_the_rules(bytes: &[u8], start: u32) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let (mut at, mut passed) = (0, Vec::new());
    while at + 5 <= out.len() {
        passed.retain(|opcode| at - opcode <= 3);
        if !matches!(out[at], 0xE8 | 0xE9) {
            at += 1;
            continue;
        }
        let is_sign = |byte| byte == 0 || byte == 0xFF;
        let doubtful = passed.len() > 1 || passed.iter().any(|opcode| is_sign(out[opcode + 4]));
        if doubtful || !is_sign(out[at + 4]) {
            passed.push(at);
            at += 1;
            continue;
        }
        let next = start.wrapping_add(at as u32 + 5);
        let mut target = u32::from_le_bytes(*out[at + 1..].first_chunk().unwrap());
        // Until the passed opcode's sign is none.
        loop {
            target = moved::<true>(target, next);
            let Some(opcode) = passed.first() else { break };
            let sign = opcode + 4 - (at + 1);
            if !is_sign(target.to_le_bytes()[sign]) {
                break;
            }
            target ^= u32::MAX >> (8 * (3 - sign));
        }
        let mut operand = target.to_le_bytes();
        operand[3] = if operand[3] & 1 == 1 { 0xFF } else { 0 };
        out[at + 1..at + 5].copy_from_slice(&operand);
        passed.clear();
        at += 5;
    }
    out
}

/// Encoded at `start`, and back.
fn assert_encodes(method: u64, start: u32, from: &[u8], to: &[u8]) {
    let cpu = Cpu::of(method);
    let mut bytes = from.to_vec();
    Branch::new(cpu.encode, start).convert(&mut bytes);
    assert_eq!(bytes, to, "{method:X} encoded");
    Branch::new(cpu.decode, start).convert(&mut bytes);
    assert_eq!(bytes, from, "{method:X} decoded");
}

#[test]
fn instructions_get_absolute_targets() {
    // CALL +0x10 at 0x100: 0x115. Its sign is 0.
    assert_encodes(id::BCJ_X86, 0x100, &[0xE8, 0x10, 0, 0, 0], &[0xE8, 0x15, 1, 0, 0]);
    assert_encodes(id::BCJ_X86, 0x100, &[0xE9, 0xF0, 0xFF, 0xFF, 0xFF], &[0xE9, 0xF5, 0, 0, 0]);
    assert_encodes(id::BCJ_X86, 0x100, &[0xE8, 0x10, 0, 0, 1], &[0xE8, 0x10, 0, 0, 1]);
    // BL +4 at 0x100: 0x10C, in words.
    assert_encodes(id::ARM, 0x100, &[1, 0, 0, 0xEB], &[0x43, 0, 0, 0xEB]);
    // BL +2 at 0x100: 0x106, in halfwords.
    assert_encodes(id::ARMT, 0x100, &[0x00, 0xF0, 0x01, 0xF8], &[0x00, 0xF0, 0x83, 0xF8]);
    // BL +4 at 0x100; ADRP x1, +1 page at 0x3000; ADRP beyond 512 MiB.
    assert_encodes(id::ARM64, 0x100, &[1, 0, 0, 0x94], &[0x41, 0, 0, 0x94]);
    assert_encodes(id::ARM64, 0x3000, &[0x01, 0, 0, 0xB0], &[0x21, 0, 0, 0x90]);
    assert_encodes(id::ARM64, 0x3000, &[0x01, 0, 0x20, 0xB0], &[0x01, 0, 0x20, 0xB0]);
    // bl +8 at 0x100.
    assert_encodes(id::PPC, 0x100, &[0x48, 0, 0, 9], &[0x48, 0, 1, 9]);
    // call -4 at 0x100.
    assert_encodes(id::SPARC, 0x100, &[0x7F, 0xFF, 0xFF, 0xFF], &[0x40, 0, 0, 0x3F]);
    // br.call +1 bundle in the last slot, at 0x100.
    let bundle = |target: u128| ((5 << 37 | target << 13) << 87 | 0x10u128).to_le_bytes();
    assert_encodes(id::IA64, 0x100, &bundle(1), &bundle(0x11));
}

#[test]
fn risc_v_pairs_are_packed() {
    let words = |first: u32, second: u32| (u64::from(second) << 32 | u64::from(first)).to_le_bytes();
    // JAL ra, +0x10 at 0x100: 0x110, halved, in big-endian order. The bytes behind it are needed, not changed.
    let behind = [1, 2, 3, 4];
    let call = |bytes: [u8; 4]| [bytes, behind].concat();
    assert_encodes(id::RISCV, 0x100, &call([0xEF, 0, 0, 1]), &call([0xEF, 0, 0, 0x88]));
    assert_encodes(id::RISCV, 0x100, &call([0xEF, 1, 0, 1]), &call([0xEF, 1, 0, 1]));
    // AUIPC x1, 1; JALR x1, -1(x1) at 0x100: 0x1000 - 1 + 0x100.
    let pair = words(0x1097, 0xFFF0_80E7);
    let packed = [(0x0117 | 0x0_80E7u32 << 12).to_le_bytes(), 0x10FFu32.to_be_bytes()].concat();
    assert_encodes(id::RISCV, 0x100, &pair, &packed);
    // What looks packed becomes the pair that it would be read as, with no position in it.
    assert_encodes(id::RISCV, 0x100, &words(0x080E_7117, 0x1234_5678), &words(0x1234_5097, 0x6780_80E7));
    // Its register would be x2: left alone.
    assert_encodes(id::RISCV, 0x100, &words(0x1000_3117, 0x1234_5678), &words(0x1000_3117, 0x1234_5678));
}

#[test]
fn tails_pass_unchanged() {
    for cpu in &CPUS {
        let instruction = branches(cpu, &[0x0123_4567_89AB_CD07]);
        for len in 0..instruction.len() {
            let bytes = &instruction[..len];
            let sizes: [&[usize]; 3] = [&[1], &[1], &[100, 5000]];
            check(bytes, || Branch::new(cpu.encode, 0), || Branch::new(cpu.decode, 0), sizes);
        }
    }
}

#[test]
fn an_error_below_is_given_on_and_loses_nothing() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buf)? {
                0 if !buf.is_empty() => Err(io::ErrorKind::ConnectionReset.into()),
                count => Ok(count),
            }
        }
    }
    for size in [10, 10_000] {
        let source = Box::new(Failing(Cursor::new(vec![7; 5003])));
        let mut reader = FilterReader::new(source, Branch::new(Cpu::of(id::ARM).decode, 0));
        let (mut given, mut buffer) = (0, vec![0; size]);
        let error = loop {
            match reader.read(&mut buffer) {
                Ok(count) => given += count,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), given), (io::ErrorKind::ConnectionReset, 5000));
    }
}
