//! Reading a list, strictly.

use super::{CERTIFICATES, Error, FINGERPRINTS, FORMAT, KEY_IDS, Krl, MAGIC, MAX_BYTES, SERIALS};

pub(super) fn read(bytes: &[u8]) -> Result<Krl, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLong(bytes.len()));
    }
    let mut rest = Rest(bytes);
    if rest.take(MAGIC.len()).map_err(|_| Error::Magic)? != MAGIC {
        return Err(Error::Magic);
    }
    let format = rest.u32()?;
    if format != FORMAT {
        return Err(Error::Format(format));
    }
    let mut krl = Krl {
        number: rest.u64()?,
        generated: rest.u64()?,
        ..Krl::default()
    };
    if rest.u64()? != 0 {
        return Err(Error::Reserved);
    }
    rest.empty()?;
    rest.empty()?;
    while let Some(kind) = rest.byte() {
        let section = Rest(rest.string()?);
        match kind {
            CERTIFICATES => certificates(section, &mut krl)?,
            FINGERPRINTS => fingerprints(section, &mut krl)?,
            unknown => return Err(Error::Section(unknown)),
        }
    }
    Ok(krl)
}

fn certificates(mut rest: Rest<'_>, krl: &mut Krl) -> Result<(), Error> {
    rest.empty()?;
    rest.empty()?;
    while let Some(kind) = rest.byte() {
        let mut list = Rest(rest.string()?);
        match kind {
            SERIALS => {
                while !list.0.is_empty() {
                    krl.serials.insert(list.u64()?);
                }
            }
            KEY_IDS => {
                while !list.0.is_empty() {
                    let id = std::str::from_utf8(list.string()?).map_err(|_| Error::KeyId)?;
                    krl.key_ids.insert(id.to_owned());
                }
            }
            unknown => return Err(Error::Section(unknown)),
        }
    }
    Ok(())
}

fn fingerprints(mut rest: Rest<'_>, krl: &mut Krl) -> Result<(), Error> {
    while !rest.0.is_empty() {
        let hash = rest.string()?;
        let hash: [u8; 32] = hash
            .try_into()
            .map_err(|_| Error::Fingerprint(hash.len()))?;
        krl.keys.insert(hash);
    }
    Ok(())
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Error::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::CutOff)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().ok().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    fn string(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.u32()?).map_err(|_| Error::CutOff)?;
        self.take(length)
    }

    fn empty(&mut self) -> Result<(), Error> {
        match self.string()? {
            [] => Ok(()),
            _ => Err(Error::Reserved),
        }
    }
}
