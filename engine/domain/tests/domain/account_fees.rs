//! Fees: marginal bands and their rounding, by numbers that were worked by hand (RULES, "Lots", Fees).

use vendue_domain::amount::{AMOUNT_MAX, Amount};
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding, WHOLE_PPM, commission, premium};
use vendue_domain::limits;
use vendue_domain::rejection::Rejection;

fn table(bands: &[(u64, u32)], fixed: u64, rounding: Rounding) -> FeeTable {
    FeeTable { bands: bands.to_vec(), fixed, rounding }
}

/// A table, and the fee on each amount.
fn check(name: &str, table: &FeeTable, cases: &[(u64, u64)]) {
    assert_eq!(table.validate(), Ok(()), "{name}");
    for &(amount, fee) in cases {
        assert_eq!(table.on(amount), fee, "{name}: on {amount}");
    }
}

/// Each band's rate applies to the part of the amount that lies in it.
#[test]
fn bands_are_marginal() {
    // A premium as the large houses publish it: 26 % up to 1,000,000.00, 20 % up to 4,500,000.00, 14.5 % above.
    let premium = table(&[(0, 260_000), (100_000_000, 200_000), (450_000_000, 145_000)], 0, Rounding::HalfUp);
    check(
        "premium",
        &premium,
        &[
            (0, 0),
            (1, 0),
            (2, 1),
            (100, 26),
            (100_000_000, 26_000_000),
            (100_000_001, 26_000_000),
            (100_000_003, 26_000_001),
            // 26 % of 1 million + 20 % of 1 million.
            (200_000_000, 46_000_000),
            // 260,000 + 700,000 + 14.5 % of 500,000.
            (500_000_000, 103_250_000),
        ],
    );
    check("flat", &table(&[(0, 100_000)], 0, Rounding::HalfUp), &[(5, 1), (4, 0), (1_000, 100)]);
    check(
        "first part free",
        &table(&[(0, 0), (1_000, 100_000)], 0, Rounding::Up),
        &[(999, 0), (1_000, 0), (1_001, 1), (1_011, 2)],
    );
    check(
        "fixed part",
        &table(&[(0, 25_000)], 30, Rounding::HalfUp),
        &[(0, 30), (1_000, 55), (19, 30), (20, 31)],
    );
}

/// Rounding is stated, and is done once, to the sum of all bands.
#[test]
fn rounding_is_done_once() {
    // 1.25 % of 40, 120, 200 are 0.5, 1.5, 2.5; of 30: 0.375; of 50: 0.625.
    let amounts = [30, 40, 50, 80, 120, 200];
    for (rounding, fees) in [
        (Rounding::HalfUp, [0, 1, 1, 1, 2, 3]),
        (Rounding::HalfEven, [0, 0, 1, 1, 2, 2]),
        (Rounding::Up, [1, 1, 1, 1, 2, 3]),
        (Rounding::Down, [0, 0, 0, 1, 1, 2]),
    ] {
        let cases: Vec<_> = amounts.into_iter().zip(fees).collect();
        check(&format!("{rounding:?}"), &table(&[(0, 12_500)], 0, rounding), &cases);
    }
    // 0.4 in the first band and 0.4 in the second are 0.8, not 0 and 0.
    let halves = &[(0, 400_000), (1, 400_000)];
    check("two bands", &table(halves, 0, Rounding::HalfUp), &[(1, 0), (2, 1)]);
    check("two bands", &table(halves, 0, Rounding::Down), &[(2, 0), (3, 1)]);
    check("two bands", &table(halves, 0, Rounding::Up), &[(1, 1), (2, 1), (3, 2)]);
}

/// Nothing wraps at the largest amounts, and a commission never takes more than there is.
#[test]
fn the_largest_amounts_have_fees() {
    let max = AMOUNT_MAX;
    for rounding in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Up, Rounding::Down] {
        check("whole", &table(&[(0, WHOLE_PPM)], 0, rounding), &[(max, max), (max - 1, max - 1)]);
        check("whole and fixed", &table(&[(0, WHOLE_PPM)], max, rounding), &[(max, 2 * max)]);
        check("last unit", &table(&[(0, 0), (max, WHOLE_PPM)], 0, rounding), &[(max, 0)]);
    }
    // 1 ppm of 9007199254740991 is 9007199254.740991.
    check("least", &table(&[(0, 1)], 0, Rounding::Down), &[(max, 9_007_199_254)]);
    check("least", &table(&[(0, 1)], 0, Rounding::Up), &[(max, 9_007_199_255), (1, 1)]);
    let schedule = FeeSchedule {
        version: 1,
        buyers_premium: Some(table(&[(0, 100_000)], 5, Rounding::HalfUp)),
        sellers_commission: Some(table(&[(0, WHOLE_PPM)], 5, Rounding::HalfUp)),
    };
    let hammer = |amount| Amount::new(amount).expect("an amount");
    assert_eq!((schedule.premium(hammer(100)), schedule.commission(hammer(100))), (15, 100));
    assert_eq!((premium(&None, hammer(100)), commission(&None, hammer(100))), (0, 0));
    let shared = Some(std::sync::Arc::new(schedule));
    assert_eq!((premium(&shared, hammer(100)), commission(&shared, hammer(3))), (15, 3));
}

#[test]
fn a_table_has_rules_of_its_own() {
    let many: Vec<_> = (0..=limits::FEE_BANDS_MAX as u64).map(|band| (band, 1)).collect();
    for (name, bands, fixed) in [
        ("no bands", &[][..], 0),
        ("begins later", &[(1, 1)], 0),
        ("not rising", &[(0, 1), (5, 1), (5, 2)], 0),
        ("falling", &[(0, 1), (5, 1), (4, 2)], 0),
        ("more than all", &[(0, WHOLE_PPM + 1)], 0),
        ("beyond amounts", &[(0, 1), (AMOUNT_MAX + 1, 1)], 0),
        ("fixed beyond amounts", &[(0, 1)], AMOUNT_MAX + 1),
        ("too many", &many, 0),
    ] {
        let wrong = table(bands, fixed, Rounding::HalfUp);
        let Err(Rejection::InvalidRequest(invalid)) = wrong.validate() else { panic!("{name}") };
        assert_eq!(invalid.field, "fees", "{name}");
        let schedule = FeeSchedule { sellers_commission: Some(wrong), ..FeeSchedule::default() };
        assert!(schedule.validate().is_err(), "{name}");
    }
    assert_eq!(FeeSchedule::default().validate(), Ok(()));
}

/// A published example: EVE Online's broker fee on a raised order, and the fee for relisting it at a discount.
#[test]
fn a_worked_example() {
    let Some(examples) = crate::data::shared("worked/examples.json") else { return };
    let examples: Vec<serde_json::Value> = serde_json::from_str(&examples).expect("examples are JSON");
    let example = examples.iter().find(|example| example["id"] == "eve_relist").expect("the example");
    let input = |name: &str| example["inputs"][name].as_f64().expect("a number");
    let hundredths = |amount: f64| (amount * 100.0).round() as u64;
    let broker_ppm = (input("broker") * f64::from(WHOLE_PPM)).round();
    // Each level of the skill takes 5 points more off than the 50 % that everybody has.
    let relist_ppm = broker_ppm * (100.0 - 50.0 - 5.0 * input("abr_level")) / 100.0;
    let expected = |name: &str| hundredths(example["expected"][name].as_f64().expect("a number"));
    let flat = |ppm: f64| table(&[(0, ppm.round() as u32)], 0, Rounding::HalfUp);
    let increase = hundredths((input("new") - input("old")) * input("remaining"));
    let fees =
        [flat(broker_ppm).on(increase), flat(relist_ppm).on(hundredths(input("new") * input("remaining")))];
    assert_eq!(fees, [expected("broker_on_increase"), expected("relist")]);
    assert_eq!(fees.iter().sum::<u64>(), expected("total"));
}
