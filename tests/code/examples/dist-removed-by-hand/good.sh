rm -rf web/dist  # good
rm -rf build/ .cache  # good
rm -f dist.log  # good
omni-release clean  # good
