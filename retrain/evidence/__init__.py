"""What a candidate is judged on: old images and a fair draw of new ones, with the answers to them."""
