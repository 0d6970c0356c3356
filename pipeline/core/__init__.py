"""What every room uses: tables and schemas, settings, errors, times, seeded choice, parallel work, stage caching."""
