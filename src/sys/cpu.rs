//! What newer processors do faster.

/// Counts the line ends. Every byte that comes from a command is asked: where there is AVX2, in a third of the
/// time that `memchr` takes, which adds up after every 32 bytes; here that is done once for 63 blocks.
pub fn line_ends(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= 1024 && std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it.
        return unsafe { avx2::line_ends(bytes) };
    }
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_add_epi64, _mm256_cmpeq_epi8, _mm256_loadu_si256,
        _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_storeu_si256,
        _mm256_sub_epi8,
    };

    const VECTOR: usize = size_of::<__m256i>();
    const BLOCK: usize = 4 * VECTOR;
    /// Each adds at most four to a byte.
    const BLOCKS: usize = u8::MAX as usize / 4;

    #[target_feature(enable = "avx2")]
    pub(super) fn line_ends(bytes: &[u8]) -> u64 {
        let zero = _mm256_setzero_si256();
        let wanted = _mm256_set1_epi8(b'\n' as i8);
        let mut total = zero;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for blocks in blocks.chunks(BLOCKS) {
            let mut found = zero;
            for block in blocks {
                // Minus one for each.
                let mut minus = zero;
                for vector in block.as_chunks::<VECTOR>().0 {
                    // SAFETY: as long as what is read, which may lie anywhere.
                    let vector = unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
                    minus = _mm256_add_epi8(minus, _mm256_cmpeq_epi8(vector, wanted));
                }
                found = _mm256_sub_epi8(found, minus);
            }
            total = _mm256_add_epi64(total, _mm256_sad_epu8(found, zero));
        }
        let mut sums = [0; 4];
        // SAFETY: as long as what is written, which may lie anywhere.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), total) };
        sums.iter().sum::<u64>() + memchr::memchr_iter(b'\n', rest).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_counted_wherever_they_are_and_however_many() {
        let all = vec![b'\n'; 100_000];
        let mut some: Vec<u8> =
            (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 28) as u8).collect();
        some.extend(b"\n\xff\x80");
        for bytes in [&all, &some] {
            for (from, to) in [
                (0, 0),
                (0, 1),
                (0, 1024),
                (1, 1500),
                (7, 8192 + 7),
                (3, 64_000),
                (33, bytes.len()),
            ] {
                let part = &bytes[from..to];
                let count: u64 = part.iter().map(|byte| u64::from(*byte == b'\n')).sum();
                assert_eq!(line_ends(part), count, "{from}..{to}");
            }
        }
    }
}
