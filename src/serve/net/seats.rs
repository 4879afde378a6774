//! How many connections there may be, in all and of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only those with a connection, so its size is bounded as well.
    by_address: HashMap<IpAddr, usize>,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// For nobody.
    Everybody,
    /// For this address.
    Address,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, taken: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Full> {
        let address = network(address);
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(Full::Everybody);
        }
        let of_address = taken.by_address.entry(address).or_default();
        if *of_address >= self.most_of_one {
            return Err(Full::Address);
        }
        *of_address += 1;
        taken.all += 1;
        Ok(Seat { seats: Arc::clone(self), address })
    }

    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What one party has by itself: an IPv4 address, or the 64 bits of an IPv6 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn seats_are_counted_and_given_back() {
        let seats = Seats::new(3, 2);
        let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = seats.take(a).unwrap();
        let _second = seats.take(a).unwrap();
        assert_eq!(seats.take(a).unwrap_err(), Full::Address);
        let third = seats.take(b).unwrap();
        assert_eq!(seats.take(b).unwrap_err(), Full::Everybody);
        assert_eq!(seats.taken(), 3);
        drop((first, third));
        assert_eq!(seats.taken(), 1);
        assert!(!seats.lock().by_address.contains_key(&b));
        assert!(seats.take(a).is_ok());
    }

    #[test]
    fn a_network_is_one_party() {
        let seats = Seats::new(10, 1);
        let _seat = seats.take(address("2001:db8::1")).unwrap();
        assert_eq!(seats.take(address("2001:db8::ffff:1")).unwrap_err(), Full::Address);
        assert!(seats.take(address("2001:db8:0:1::1")).is_ok());
        // The same machine by way of a socket for both families.
        let _seat = seats.take(address("192.0.2.1")).unwrap();
        assert_eq!(seats.take(address("::ffff:192.0.2.1")).unwrap_err(), Full::Address);
    }
}
