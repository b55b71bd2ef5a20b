//! What the person at the keyboard is told when the suite is up, and the first tenant.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crm_platform::bootstrap::{FirstSignIn, FirstTenant, bootstrap};
use secrecy::ExposeSecret as _;

use super::suite::Suite;
use crate::{
    cli::Up,
    demo::{self, Place},
    failure::Result,
    terminal,
};

/// Short name of the first tenant.
const TENANT: &str = "main";

/// Makes the first tenant, and the demonstration if asked for, and tells how to go on.
pub async fn welcome(options: &Up, suite: &Suite, address: SocketAddr) -> Result<()> {
    let first = bootstrap(&suite.platform_db, &suite.clock, tenant()).await?;
    let base = base_address(address);
    if let Some(first) = &first {
        tell_first(first, &base);
    }
    if options.demo {
        let place = Place {
            db: suite.platform_db.clone(),
            clock: suite.clock.clone(),
            platform: suite.platform.clone(),
            customer: suite.customer.clone(),
            sales: suite.sales.clone(),
            folder: options.data.clone(),
        };
        demo::ensure(&place).await?;
    }
    terminal::heading(format!("\ncrm is up at {base}"));
    terminal::line(format!("  REST, gRPC and gRPC-Web there; documentation at {base}/docs; Ctrl-C stops"));
    Ok(())
}

fn tenant() -> FirstTenant {
    FirstTenant {
        slug: TENANT.to_owned(),
        display_name: "Main".to_owned(),
        region_code: String::new(),
        time_zone: String::new(),
        currency_code: String::new(),
        language_code: String::new(),
    }
}

/// Told once: nobody can tell the password again.
fn tell_first(first: &FirstSignIn, base: &str) {
    let (tenant, username, password) = (&first.tenant, &first.username, first.password.expose_secret());
    terminal::heading("First sign-in; write it down, it is told only now");
    terminal::line(format!("  tenant    {tenant}"));
    terminal::line(format!("  user name {username}"));
    terminal::line(format!("  password  {password}"));
    terminal::line("  It must be changed before anything else:");
    terminal::line("  JSON='content-type: application/json'");
    terminal::line(format!(
        "  TOKEN=$(curl -s {base}/v1/sessions -H \"$JSON\" -d '{{\"tenant\":\"{tenant}\",\"username\":\"{username}\",\"password\":\"{password}\"}}' | jq -r .access_token)"
    ));
    terminal::line(format!(
        "  curl -s {base}/v1/users/me:changePassword -H \"$JSON\" -H \"authorization: Bearer $TOKEN\" -d '{{\"old_password\":\"{password}\",\"new_password\":\"A_PASSWORD_OF_YOURS\"}}'"
    ));
}

/// The address as a person on this machine would type it.
fn base_address(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_every_interface_is_told_as_this_machine() {
        assert_eq!(base_address("0.0.0.0:8080".parse().unwrap()), "http://127.0.0.1:8080");
        assert_eq!(base_address("[::1]:80".parse().unwrap()), "http://[::1]:80");
    }
}
