//! 7z's key derivation: SHA-256 over 2^cycles rounds of salt, password and an 8-byte round number.

use super::CYCLES_RAW;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Rounds that are laid out side by side and hashed by one call: enough that whole blocks go to the CPU's SHA
/// instructions without a copy.
const ROUNDS_PER_UPDATE: usize = 64;
/// Bytes of a round's number.
const NUMBER: usize = 8;

/// The key for a password (UTF-16LE). `cycles_log2` is at most 62, or 63 for salt and password as they are.
pub(super) fn derive(password: &[u8], salt: &[u8], cycles_log2: u8) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    if cycles_log2 >= CYCLES_RAW {
        for (byte, given) in key.iter_mut().zip(salt.iter().chain(password)) {
            *byte = *given;
        }
        return key;
    }
    let rounds = 1u64 << cycles_log2;
    let unit = salt.len() + password.len() + NUMBER;
    let at_once = ROUNDS_PER_UPDATE.min(usize::try_from(rounds).unwrap_or(usize::MAX));
    let mut buffer = Zeroizing::new(vec![0; unit * at_once]);
    for round in buffer.chunks_exact_mut(unit) {
        let (salted, rest) = round.split_at_mut(salt.len());
        salted.copy_from_slice(salt);
        rest[..password.len()].copy_from_slice(password);
    }
    let mut hash = Sha256::new();
    let mut number = 0u64;
    // Both are powers of two: the rounds come out even.
    while number < rounds {
        for round in buffer.chunks_exact_mut(unit) {
            round[unit - NUMBER..].copy_from_slice(&number.to_le_bytes());
            number += 1;
        }
        hash.update(&buffer[..]);
    }
    let mut digest = hash.finalize();
    key.copy_from_slice(&digest);
    digest.as_mut_slice().zeroize();
    key
}
