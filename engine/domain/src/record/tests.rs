use super::*;

record! {
    #[derive(Debug, Clone, PartialEq)]
    struct Sample {
        1 => number: u64,
        2 => maybe: Option<i64>,
        3 => list: Vec<u16>,
        5 => text: String,
    }
}

record! {
    #[derive(Debug, Clone, PartialEq)]
    struct Newer {
        1 => number: u64,
        9 => unknown: Vec<Option<String>>,
        7 => more: Option<Sample>,
    }
}

variants! {
    #[derive(Debug, Clone, PartialEq)]
    enum Choice { 1 => Nothing, 2 => Something(Sample) }
}

fn sample() -> Sample {
    Sample { number: 70_000, maybe: Some(-5), list: vec![1, 500], text: "é".into() }
}

#[test]
fn round_trips() {
    for value in [
        sample(),
        Sample { number: u64::MAX, maybe: Some(i64::MIN), list: vec![], text: String::new() },
        Sample { number: 0, maybe: None, list: vec![0; 20], text: "x".repeat(300) },
    ] {
        assert_eq!(Sample::from_bytes(&value.to_bytes()), Ok(value.clone()));
        let choice = Choice::Something(value);
        assert_eq!(Choice::from_bytes(&choice.to_bytes()), Ok(choice));
    }
    assert_eq!(Choice::from_bytes(&Choice::Nothing.to_bytes()), Ok(Choice::Nothing));
}

#[test]
fn absent_fields_take_no_bytes() {
    let value = Sample { number: 1, maybe: None, list: vec![], text: String::new() };
    assert_eq!(value.to_bytes(), [0x81, 1, 1]);
}

#[test]
fn unknown_keys_are_skipped_and_unknown_variants_stop() {
    let newer = Newer { number: 7, unknown: vec![None, Some("a".into())], more: Some(sample()) };
    assert_eq!(Sample::from_bytes(&newer.to_bytes()).map(|read| read.number), Ok(7));
    assert_eq!(Choice::from_bytes(&[0x81, 9, 0xC0]), Err(RecordError::UnknownVariant(9)));
    assert_eq!(Choice::from_bytes(&[9]), Err(RecordError::UnknownVariant(9)));
    assert_eq!(Choice::from_bytes(&[2]), Err(RecordError::Type));
}

#[test]
fn damaged_bytes_are_errors() {
    let bytes = sample().to_bytes();
    for cut in 0..bytes.len() {
        assert!(Sample::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(Sample::from_bytes(&[0x80]), Err(RecordError::Missing(1)));
    assert_eq!(Sample::from_bytes(&[bytes, vec![0]].concat()), Err(RecordError::Trailing));
    // An array that claims 4 billion items must neither allocate nor loop.
    assert_eq!(Vec::<u16>::from_bytes(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF]), Err(RecordError::Truncated));
    assert_eq!(Reader::new(&[0x91; 100]).skip(), Err(RecordError::Type));
}
