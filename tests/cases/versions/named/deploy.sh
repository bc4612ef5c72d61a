docker run example.invalid/acme:1.2.3
