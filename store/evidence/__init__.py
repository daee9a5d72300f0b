"""What verdicts stand on: held-out images, questions to people, pools, trials, answers and watches."""
