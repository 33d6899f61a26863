"""What tests share: servers, browsers, drawings."""
