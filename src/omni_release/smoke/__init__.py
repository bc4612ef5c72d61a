"""What is proved against the service: scenarios, recorded and live, the contract, and how long models live."""
