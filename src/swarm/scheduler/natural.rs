//! The natural order of names: runs of digits count as numbers, so that `w2` stands before `w10`.
//!
//! Only for ties that the real Swarm leaves to chance. Source: none; a choice of this model (DESIGN "Tie-breaks").

use std::cmp::Ordering;

/// Compares two names, digit runs as numbers. Names that differ in leading zeros only are told apart by their bytes.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(&x), Some(&y)) = (left.first(), right.first()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (take_number(&mut left), take_number(&mut right));
            // Without leading zeros the longer number is the greater one.
            match m.len().cmp(&n.len()).then_with(|| m.cmp(n)) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        } else if x == y {
            (left, right) = (&left[1..], &right[1..]);
        } else {
            return x.cmp(&y);
        }
    }
}

/// Takes the digits at the front, without their leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    let zeros = number.iter().take_while(|&&b| b == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::natural;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut names = ["w10", "w2", "m1", "w1", "w02", "w", "10", "9", "w2b", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "9", "10", "m1", "w", "w1", "w02", "w2", "w2b", "w10"]);
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(a in "[a01 2]{0,6}", b in "[a01 2]{0,6}", c in "[a01 2]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
            if natural(&a, &b).is_lt() && natural(&b, &c).is_lt() {
                prop_assert!(natural(&a, &c).is_lt());
            }
        }
    }
}
