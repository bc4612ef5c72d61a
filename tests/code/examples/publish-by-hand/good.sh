twine check --strict dist/*  # good
uv publish --dry-run  # good
echo "twine upload comes later"  # good
omni-release publish  # good
npm run publish-docs  # good
