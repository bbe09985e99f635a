//! A little authenticator of our own, and every part of its answers broken in turn. The real one is
//! the browser's, in the tests of sign-in.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};

use super::*;

enum Signer {
    P256(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    fn cose(&self) -> Vec<u8> {
        match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
                key.extend(&point[1..33]);
                key.extend([0x22, 0x58, 0x20]);
                key.extend(&point[33..]);
                key
            }
            Self::Ed(pair) => {
                let mut key = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
                key.extend(pair.public_key().as_ref());
                key
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

const CHALLENGE: &[u8] = b"a challenge of 32 bytes, or so..";

fn party() -> Party {
    Party { id: "cs.example.org".into(), origin: "https://cs.example.org".into() }
}

fn client_data(kind: &str) -> String {
    format!(
        r#"{{"type":"{kind}","challenge":"{}","origin":"https://cs.example.org","crossOrigin":false}}"#,
        encode(CHALLENGE)
    )
}

fn head(site: &str, flags: u8, counter: u32) -> Vec<u8> {
    let mut data = digest(&SHA256, site.as_bytes()).as_ref().to_vec();
    data.push(flags);
    data.extend(counter.to_be_bytes());
    data
}

fn with_credential(flags: u8, key: &[u8]) -> Vec<u8> {
    let mut data = head("cs.example.org", flags, 1);
    data.extend([0; 16]);
    data.extend([0, 4]);
    data.extend(b"cred");
    data.extend(key);
    data
}

/// An attestation object with this authenticator data.
fn object(data: &[u8]) -> Vec<u8> {
    let mut object = vec![0xa3, 0x63, b'f', b'm', b't', 0x64, b'n', b'o', b'n', b'e'];
    object.extend([0x67, b'a', b't', b't', b'S', b't', b'm', b't', 0xa0]);
    object.extend([0x68, b'a', b'u', b't', b'h', b'D', b'a', b't', b'a', 0x58]);
    object.push(u8::try_from(data.len()).unwrap());
    object.extend(data);
    object
}

fn register(client_data: &str, data: &[u8]) -> Result<Made, NoProof> {
    made(&party(), CHALLENGE, Said { client_data: client_data.as_bytes(), data })
}

fn sign_in(
    signer: &Signer,
    client_data: &str,
    data: &[u8],
    counter: u32,
) -> Result<Proved, NoProof> {
    let message = [data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
    let said = Said { client_data: client_data.as_bytes(), data };
    proved(&party(), CHALLENGE, said, &signer.sign(&message), &signer.cose(), counter)
}

#[test]
fn a_passkey_is_registered_and_proves_itself() {
    for signer in [Signer::p256(), Signer::ed()] {
        let key = signer.cose();
        let made = register(&client_data("webauthn.create"), &object(&with_credential(0x5d, &key)));
        let expected =
            Made { credential_id: b"cred".into(), public_key: key, counter: 1, backed_up: true };
        assert_eq!(made, Ok(expected));
        let data = head("cs.example.org", 0x05, 2);
        let proved = sign_in(&signer, &client_data("webauthn.get"), &data, 1);
        assert_eq!(proved, Ok(Proved { counter: 2, backed_up: false }));
    }
}

#[test]
fn every_broken_part_of_the_client_data_is_refused() {
    let signer = Signer::p256();
    let good = client_data("webauthn.get");
    let data = head("cs.example.org", 0x05, 2);
    let broken = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replace(from, to)
    };
    let cases = [
        (client_data("webauthn.create"), NoProof::Kind),
        (broken("webauthn.get", "payment.get"), NoProof::Kind),
        (broken(&encode(CHALLENGE), &encode(b"another")), NoProof::Challenge),
        (broken(&encode(CHALLENGE), &format!("{}=", encode(CHALLENGE))), NoProof::Challenge),
        (broken("https://cs", "http://cs"), NoProof::Origin),
        (broken("example.org\"", "example.org.evil\""), NoProof::Origin),
        (broken("example.org\"", "example.org:444\""), NoProof::Origin),
        (broken("false", "true"), NoProof::Origin),
        (broken("false", "null"), NoProof::Origin),
        (broken("false", "false,\"topOrigin\":\"https://evil\""), NoProof::Origin),
        (broken("false", "false,\"type\":\"webauthn.get\""), NoProof::ClientData),
        (broken("{", "["), NoProof::ClientData),
    ];
    for (client_data, why) in cases {
        assert_eq!(sign_in(&signer, &client_data, &data, 1), Err(why), "{client_data}");
    }
}

#[test]
fn every_broken_part_of_the_authenticators_data_is_refused() {
    let signer = Signer::p256();
    let client_data = client_data("webauthn.get");
    let cases = [
        (head("example.org", 0x05, 2), 1, NoProof::Site),
        (head("cs.example.org", 0x04, 2), 1, NoProof::NotVerified),
        (head("cs.example.org", 0x01, 2), 1, NoProof::NotVerified),
        (head("cs.example.org", 0x15, 2), 1, NoProof::Data),
        (head("cs.example.org", 0x05, 2)[..36].to_vec(), 1, NoProof::Data),
        ([head("cs.example.org", 0x05, 2), vec![0]].concat(), 1, NoProof::Data),
        (head("cs.example.org", 0x85, 2), 1, NoProof::Data),
        (head("cs.example.org", 0x45, 2), 1, NoProof::Data),
        (head("cs.example.org", 0x05, 1), 1, NoProof::Counter),
        (head("cs.example.org", 0x05, 0), 1, NoProof::Counter),
    ];
    for (data, counter, why) in cases {
        assert_eq!(sign_in(&signer, &client_data, &data, counter), Err(why), "{data:x?}");
    }
    let never_counts = head("cs.example.org", 0x05, 0);
    assert!(sign_in(&signer, &client_data, &never_counts, 0).is_ok());
}

#[test]
fn the_signature_must_be_the_passkeys_over_exactly_this() {
    let (signer, other) = (Signer::p256(), Signer::p256());
    let client_data = client_data("webauthn.get");
    let data = head("cs.example.org", 0x05, 2);
    let message = [&data[..], digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
    let said = Said { client_data: client_data.as_bytes(), data: &data };
    let judge = |signature: &[u8], key: &[u8]| {
        proved(&party(), CHALLENGE, said, signature, key, 0).unwrap_err()
    };
    assert_eq!(judge(&other.sign(&message), &signer.cose()), NoProof::Signature);
    assert_eq!(judge(&signer.sign(&data), &signer.cose()), NoProof::Signature);
    assert_eq!(judge(&[], &signer.cose()), NoProof::Signature);
    assert_eq!(judge(&signer.sign(&message), &[0xa0]), NoProof::Key);
    let mut longer = signer.sign(&message);
    longer.push(0);
    assert_eq!(judge(&longer, &signer.cose()), NoProof::Signature);
}

#[test]
fn keys_of_other_kinds_are_not_taken() {
    let good = Signer::p256().cose();
    let with = |at: usize, byte: u8| {
        let mut key = good.clone();
        key[at] = byte;
        key
    };
    // Another kind of key, another algorithm (ES384), another curve, a short coordinate.
    for key in [with(2, 0x03), with(4, 0x22), with(6, 0x02), good[..76].to_vec(), vec![0xa0]] {
        let made = register(&client_data("webauthn.create"), &object(&with_credential(0x45, &key)));
        assert!(matches!(made, Err(NoProof::Key | NoProof::Data)), "{key:x?}: {made:?}");
    }
    let none = register(&client_data("webauthn.create"), &object(&head("cs.example.org", 0x05, 0)));
    assert_eq!(none, Err(NoProof::Data));
}
