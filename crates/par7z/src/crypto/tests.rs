//! The cipher and its keys: known answers, properties as 7-Zip writes them, refusals.

use super::*;
use proptest::prelude::*;
use std::io::Read;

const KNOWN_PROPERTIES: [u8; 18] =
    [0x53, 0x0F, 0x7C, 0x16, 0x50, 0xAA, 0xF2, 0x24, 0x55, 0xF2, 0x9D, 0x07, 0x57, 0x00, 0x72, 0x3A, 0x9E, 0xC1];
const KNOWN_PACKED: [u8; 32] = [
    0x02, 0x3E, 0x3C, 0x75, 0xA6, 0x31, 0x38, 0x99, 0xAF, 0x07, 0x77, 0x9B, 0x1A, 0xEF, 0x97, 0x12, 0x37, 0xFF, 0x66,
    0x80, 0xFF, 0x88, 0xCA, 0xDC, 0x08, 0x02, 0x1A, 0x8D, 0x32, 0xFE, 0x40, 0xB4,
];

fn ring(password: &str) -> KeyRing {
    KeyRing::new(Some(Secret::Password(password.into())))
}

fn properties(cycles_log2: u8, salt: &[u8]) -> AesProperties {
    AesProperties { cycles_log2, salt: salt.to_vec(), iv: [0; 16] }
}

/// The derivation as it is told: one round after the other.
fn told(password: &[u8], salt: &[u8], cycles: u8) -> [u8; 32] {
    let mut hash = Sha256::new();
    for number in 0..1u64 << cycles {
        hash.update(salt);
        hash.update(password);
        hash.update(number.to_le_bytes());
    }
    hash.finalize().into()
}

#[test]
fn derivation_is_as_told() {
    for cycles in [0, 1, 5, 6, 7, 12] {
        for (password, salt) in [("", ""), ("secret", ""), ("a", "0123456789abcdef"), ("pässwörd", "s")] {
            let units = Password::from(password).utf16le();
            let key = kdf::derive(&units, salt.as_bytes(), cycles);
            assert_eq!(*key, told(&units, salt.as_bytes(), cycles), "{password:?} {salt:?} 2^{cycles}");
        }
    }
}

#[test]
fn what_7zip_encrypted_is_read() {
    // `7zz a -psecret -m0=Copy` of "par7z known answer": the coder's properties and the packed stream.
    let stored = KNOWN_PROPERTIES;
    let properties = AesProperties::parse(&stored).unwrap();
    assert_eq!(properties.cycles_log2, 19);
    assert_eq!(properties.emit(), stored);
    let key = ring("secret").key(&properties, &ReadLimits::default()).unwrap();
    let mut plain = Vec::new();
    CbcReader::new(&KNOWN_PACKED[..], &key, &properties.iv).read_to_end(&mut plain).unwrap();
    assert_eq!(&plain[..18], b"par7z known answer");
}

#[test]
fn properties_are_7zips() {
    let iv = [7; 16];
    let written = AesProperties::for_writing(&Secret::Password("x".into()), iv).emit();
    assert_eq!(written[..2], [0x53, 0x0F]);
    assert_eq!(written[2..], iv);
    let raw = AesProperties::for_writing(&Secret::Key(Key::new([1; 32])), iv).emit();
    assert_eq!(raw[..2], [0x7F, 0x0F]);

    let parsed = AesProperties::parse(&[0xC0 | 19, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).unwrap();
    assert_eq!(parsed.salt, [1, 2]);
    assert_eq!(parsed.iv, [3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(AesProperties::parse(&[]).unwrap().cycles_log2, 0);
    assert_eq!(AesProperties::parse(&[6]).unwrap().cycles_log2, 6);
    for bad in [&[6, 0][..], &[0x46], &[0x86], &[0x53, 0x0F], &[0x53, 0x0F, 1]] {
        assert_eq!(AesProperties::parse(bad).unwrap_err().kind(), ErrorKind::Unsupported, "{bad:?}");
    }
}

#[test]
fn the_secret_itself_can_be_the_key() {
    let limits = ReadLimits::default();
    let key = ring("ab").key(&properties(63, b"s"), &limits).unwrap();
    assert_eq!(key[..6], [b's', b'a', 0, b'b', 0, 0]);
    assert_eq!(key[6..], [0; 26]);
    let long = ring(&"x".repeat(20)).key(&properties(63, &[]), &limits).unwrap();
    assert_eq!(long[30..], [b'x', 0], "cut to 32 bytes");

    let raw = KeyRing::new(Some(Secret::Key(Key::new([9; 32]))));
    assert_eq!(*raw.key(&properties(63, &[]), &limits).unwrap(), [9; 32]);
    for other in [properties(63, b"s"), properties(19, &[])] {
        assert_eq!(raw.key(&other, &limits).unwrap_err().kind(), ErrorKind::WrongPassword);
    }
}

#[test]
fn refusals_come_before_the_work() {
    let limits = ReadLimits::default();
    let none = KeyRing::new(None).key(&properties(19, &[]), &limits).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::PasswordRequired);
    for cycles in [25, 40, 62] {
        let error = ring("x").key(&properties(cycles, &[]), &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}

#[test]
fn a_key_is_derived_once_for_all_threads() {
    let ring = ring("shared");
    let wanted = properties(16, b"salt");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let ask = || ring.key(&wanted, &ReadLimits::default()).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(ring.keys.lock().unwrap().len(), 1);
    assert!(!format!("{ring:?}").contains("shared"));
}

#[test]
fn ivs_differ_and_follow_their_seed() {
    let random = IvSource::new(None);
    assert_ne!(random.iv(0).unwrap(), random.iv(0).unwrap());
    let seeded = |byte| IvSource::new(Some(&IvSeed::new([byte; 16])));
    let (one, two) = (seeded(1), seeded(2));
    assert_eq!(one.iv(5).unwrap(), seeded(1).iv(5).unwrap());
    assert_ne!(one.iv(5).unwrap(), one.iv(6).unwrap());
    assert_ne!(one.iv(5).unwrap(), one.iv(5 + (1 << 64)).unwrap());
    assert_ne!(one.iv(5).unwrap(), two.iv(5).unwrap());
}

#[test]
fn later_runs_with_a_seed_have_other_ivs() {
    let seed = IvSeed::new([1; 16]);
    let runs: Vec<_> = (0..4).map(|_| IvSource::new(Some(&seed.clone()))).collect();
    // As told: SHA-256 over the label, the seed and the stream's number.
    let told = Sha256::digest([b"par7z folder iv".as_slice(), &[1; 16], &5u128.to_le_bytes()].concat());
    assert_eq!(runs[0].iv(5).unwrap(), told[..16]);
    let streams = [0, 1, 2, 1 << 64, u128::MAX];
    let ivs: Vec<_> = runs.iter().flat_map(|run| streams.map(|stream| run.iv(stream).unwrap())).collect();
    let different: std::collections::HashSet<_> = ivs.iter().collect();
    assert_eq!(different.len(), ivs.len());
    // The second run is no more a matter of chance than the first.
    let again = IvSeed::new([1; 16]);
    let _first = IvSource::new(Some(&again));
    assert_eq!(IvSource::new(Some(&again)).iv(5).unwrap(), runs[1].iv(5).unwrap());
}

/// Gives at most `at_once` bytes a read.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = buf.len().min(self.1).min(self.0.len());
        buf[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn blocks_come_back_in_any_pieces() {
    let (key, iv) = ([3; 32], [4; 16]);
    let plain: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(n) >> 3) as u8).collect();
    let mut whole = plain.clone();
    CbcEncryptor::new(&key, &iv).encrypt(&mut whole);
    let mut pieces = plain.clone();
    let mut encryptor = CbcEncryptor::new(&key, &iv);
    for piece in pieces.chunks_mut(16 * 33) {
        encryptor.encrypt(piece);
    }
    assert!(whole == pieces && whole != plain);
    for at_once in [1, 15, 17, 4096, 70_000] {
        let mut back = Vec::new();
        CbcReader::new(Trickle(&whole, at_once), &key, &iv).read_to_end(&mut back).unwrap();
        assert!(back == plain, "{at_once} bytes a read");
    }
    let mut cut = Vec::new();
    CbcReader::new(&whole[..100], &key, &iv).read_to_end(&mut cut).unwrap();
    assert_eq!(cut, plain[..96], "whole blocks alone");
}

proptest! {
    #[test]
    fn any_properties_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(parsed) = AesProperties::parse(&bytes) {
            prop_assert!(parsed.salt.len() <= 16);
            prop_assert_eq!(AesProperties::parse(&parsed.emit()).unwrap(), parsed);
        }
    }
}
