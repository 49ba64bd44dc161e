//! Bearer tokens of DiracX and of WLCG issuers.
